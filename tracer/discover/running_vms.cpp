#include "tracer/discover/running_vms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "base/file.h"

namespace trapline::tracer {
namespace {

constexpr std::string_view kVmLink = "anon_inode:kvm-vm";
constexpr std::string_view kVcpuLink =
    "anon_inode:kvm-vcpu:";  // followed by the vcpu_id (virt/kvm/kvm_main.c)

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What VMMs call their vCPU threads, before the number.
constexpr std::array<std::string_view, 5> kThreadNames = {"CPU ", "vcpu", "fc_vcpu ", "kvm-vcpu-",
                                                          "crosvm_vcpu"};

std::optional<std::uint16_t> vcpu_of_thread_name(std::string_view name) {
  for (const std::string_view beginning : kThreadNames) {
    if (!name.starts_with(beginning)) continue;
    std::string_view digits = name.substr(beginning.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    return number_in<std::uint16_t>(digits);
  }
  return std::nullopt;
}

std::map<std::uint16_t, pid_t> named_vcpu_threads(const std::filesystem::path& process) {
  std::map<std::uint16_t, pid_t> threads;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(process / "task", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto tid = number_in<pid_t>(entry->path().filename().string());
    const auto name = read_text_file(entry->path() / "comm");
    if (!tid || !name) continue;
    if (const auto vcpu = vcpu_of_thread_name(*name)) threads.emplace(*vcpu, *tid);
  }
  return threads;
}

struct Descriptors {
  unsigned all = 0;
  unsigned vms = 0;
  std::set<std::uint16_t> vcpus;
  std::error_code error;
};

Descriptors descriptors_of(const std::filesystem::path& process) {
  Descriptors found;
  for (auto entry = std::filesystem::directory_iterator(process / "fd", found.error);
       !found.error && entry != std::filesystem::directory_iterator(); entry.increment(found.error)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry->path(), gone).string();
    ++found.all;
    if (target == kVmLink) ++found.vms;
    if (!target.starts_with(kVcpuLink)) continue;
    if (const auto id = number_in<std::uint16_t>(std::string_view(target).substr(kVcpuLink.size())))
      found.vcpus.insert(*id);
  }
  return found;
}

VmProcess describe(pid_t pid, const Descriptors& descriptors, const std::filesystem::path& proc) {
  VmProcess process;
  process.pid = pid;
  process.name = name_of_vm(pid, {}, proc);
  const auto arguments = arguments_of(pid, proc);
  process.program = arguments.empty() ? std::string{} : arguments[0];
  process.vms = descriptors.vms;
  const auto threads = named_vcpu_threads(proc / fmt::format("{}", pid));
  for (const std::uint16_t id : descriptors.vcpus) {
    const auto thread = threads.find(id);
    process.vcpus.push_back({id, thread == threads.end() ? 0 : thread->second});
  }
  return process;
}

bool is_vm(const Descriptors& descriptors) {
  return descriptors.vms != 0 || !descriptors.vcpus.empty();
}

bool not_permitted(const std::error_code& error) {
  return error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
}

}  // namespace

Result<RunningVms> find_running_vms(const std::filesystem::path& proc) {
  RunningVms running;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(proc, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto pid = number_in<pid_t>(entry->path().filename().string());
    if (!pid) continue;
    ++running.processes_seen;
    const Descriptors descriptors = descriptors_of(entry->path());
    if (not_permitted(descriptors.error)) ++running.not_permitted;
    if (is_vm(descriptors)) running.processes.push_back(describe(*pid, descriptors, proc));
  }
  if (error) return fail(system_error("list", proc.string(), error.value()));
  std::ranges::sort(running.processes, {}, &VmProcess::pid);
  return running;
}

Result<VmProcess> find_vm_of_process(pid_t pid, const std::filesystem::path& proc) {
  const std::filesystem::path folder = proc / fmt::format("{}", pid);
  const Descriptors descriptors = descriptors_of(folder);
  if (is_vm(descriptors)) return describe(pid, descriptors, proc);
  if (not_permitted(descriptors.error)) {
    return fail(fmt::format("may not look at the file descriptors of process {}", pid),
                "run as root, or with CAP_SYS_PTRACE too", ExitStatus::machine_lacks);
  }
  if (descriptors.error)
    return fail(fmt::format("there is no process {}", pid),
                "trapline record --list shows the VMs of this host", ExitStatus::machine_lacks);
  const auto name = read_text_file(folder / "comm");
  return fail(
      fmt::format("process {} ({}) runs no VM: none of its {} file descriptors is {} or {}N", pid,
                  name ? name->substr(0, name->find('\n')) : "?", descriptors.all, kVmLink, kVcpuLink),
      "trapline record --list shows the VMs of this host", ExitStatus::machine_lacks);
}

Result<VmProcess> find_vm_of_name(std::string_view name, const std::filesystem::path& proc) {
  TRAPLINE_ASSIGN(running, find_running_vms(proc));
  std::vector<VmProcess> found;
  std::string others;
  for (VmProcess& process : running.processes) {
    others += fmt::format("{}{} (pid {})", others.empty() ? "" : ", ", process.name.text, process.pid);
    if (process.name.text == name) found.push_back(std::move(process));
  }
  if (found.size() == 1) return std::move(found[0]);
  if (found.empty()) {
    return fail(fmt::format("no VM is called '{}': looked at the file descriptors of {} processes{}", name,
                            running.processes_seen,
                            running.not_permitted == 0
                                ? std::string{}
                                : fmt::format(", of {} of them without the right to (CAP_SYS_PTRACE)",
                                              running.not_permitted)),
                others.empty() ? "no VM runs on this host" : "there are: " + others,
                ExitStatus::machine_lacks);
  }
  return fail(fmt::format("{} VMs are called '{}'", found.size(), name), "say which by -p: " + others,
              ExitStatus::wrong_usage);
}

}  // namespace trapline::tracer
