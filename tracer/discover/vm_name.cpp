#include "tracer/discover/vm_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"

namespace trapline::tracer {
namespace {

using recording::VmNamedBy;

// Programs that run VMs, by the beginning of their name, and the option of each that names the VM.
struct NamingOption {
  std::string_view program;
  std::string_view option;
};
constexpr std::array kNamingOptions = {
    NamingOption{"qemu", "-name"},       NamingOption{"kvm", "-name"},
    NamingOption{"firecracker", "--id"}, NamingOption{"lkvm", "--name"},
    NamingOption{"crosvm", "--name"},    NamingOption{"cloud-hypervisor", "--name"},
    NamingOption{"trapline", "--name"},
};

// QEMU's -name is "guest=NAME,debug-threads=on" or "NAME,process=x"; a comma within the name is doubled.
std::string name_of_qemu(std::string_view value) {
  if (value.starts_with("guest=")) value.remove_prefix(6);
  std::string name;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == ',' && !value.substr(i + 1).starts_with(',')) break;
    if (value[i] == ',') ++i;
    name += value[i];
  }
  return name;
}

// systemd writes bytes that a unit's name cannot have as \xNN.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text.substr(i).starts_with("\\x") && i + 4 <= text.size() &&
        std::from_chars(text.data() + i + 2, text.data() + i + 4, byte, 16).ptr == text.data() + i + 4) {
      plain += static_cast<char>(byte);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

// "machine-qemu-3-web.scope" of libvirt: the domain's name after its number.
std::string libvirt_name(std::string_view part) {
  std::string unit = unescaped(part);
  for (const std::string_view beginning : {"machine-qemu-", "qemu-"}) {
    if (!unit.starts_with(beginning)) continue;
    unit.erase(0, beginning.size());
    const std::size_t number = unit.find_first_not_of("0123456789");
    if (number == 0 || number == std::string::npos || unit[number] != '-') return {};
    unit.erase(0, number + 1);
    for (const std::string_view end : {".scope", ".libvirt-qemu"}) {
      if (unit.ends_with(end)) unit.resize(unit.size() - end.size());
    }
    return unit;
  }
  return {};
}

// "docker-<64 hex digits>.scope", "cri-containerd-...", "libpod-...", or the digits alone below "/docker/":
// the first 12, as the container tools show them.
std::string container_name(std::string_view part) {
  if (part.ends_with(".scope")) part.remove_suffix(6);
  part = part.substr(part.find_last_of('-') + 1);
  const bool is_id =
      part.size() == 64 && part.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_id ? std::string(part.substr(0, 12)) : std::string{};
}

}  // namespace

std::string name_in_arguments(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return {};
  const std::string_view program = last_part(arguments[0]);
  for (const NamingOption& naming : kNamingOptions) {
    if (!program.starts_with(naming.program)) continue;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      std::string_view word = arguments[i];
      std::string_view value;
      if (word == naming.option && i + 1 < arguments.size()) {
        value = arguments[i + 1];
      } else if (naming.option.starts_with("--") && word.starts_with(naming.option) &&
                 word.substr(naming.option.size()).starts_with('=')) {
        value = word.substr(naming.option.size() + 1);
      } else {
        continue;
      }
      return naming.option == "-name" ? name_of_qemu(value) : std::string(value);
    }
  }
  return {};
}

VmName name_in_cgroup(std::string_view cgroup) {
  VmName found;
  while (!cgroup.empty()) {
    const std::size_t end = std::min(cgroup.find('\n'), cgroup.size());
    std::string_view path = cgroup.substr(0, end);
    cgroup.remove_prefix(std::min(end + 1, cgroup.size()));
    // "hierarchy:controllers:path"; the deepest part that says something wins.
    path.remove_prefix(std::min(path.size(), path.find('/')));
    for (; !path.empty(); path = path.substr(0, path.find_last_of('/'))) {
      if (auto name = libvirt_name(last_part(path)); !name.empty()) return {VmNamedBy::libvirt, name};
      if (auto name = container_name(last_part(path)); !name.empty() && found.text.empty())
        found = {VmNamedBy::container, name};
      if (path.find('/') == std::string_view::npos) break;
    }
  }
  return found;
}

std::vector<std::string> arguments_of(pid_t pid, const std::filesystem::path& proc) {
  std::vector<std::string> words;
  const auto text = read_text_file(proc / fmt::format("{}", pid) / "cmdline");
  if (!text) return words;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\0', at), text->size());
    words.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return words;
}

VmName name_of_vm(pid_t pid, std::string_view comm, const std::filesystem::path& proc) {
  if (auto name = name_in_arguments(arguments_of(pid, proc)); !name.empty())
    return {VmNamedBy::command_line, name};
  if (const auto cgroup = read_text_file(proc / fmt::format("{}", pid) / "cgroup")) {
    if (auto found = name_in_cgroup(*cgroup); !found.text.empty()) return found;
  }
  if (!comm.empty()) return {VmNamedBy::process, std::string(comm)};
  const auto name = read_text_file(proc / fmt::format("{}", pid) / "comm");
  if (!name || name->empty()) return {};
  return {VmNamedBy::process, name->substr(0, name->find('\n'))};
}

}  // namespace trapline::tracer
