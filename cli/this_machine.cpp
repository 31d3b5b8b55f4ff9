#include "cli/this_machine.h"

#include <cpuid.h>
#include <sys/utsname.h>
#include <time.h>

#include <cstring>
#include <sstream>

#include "base/file.h"
#include "cli/version.h"

namespace trapline::cli {
namespace {

std::string word_after(const std::string& text, const std::string& key) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.starts_with(key)) return word.substr(key.size());
  }
  return {};
}

std::string kernel_parameter(const std::string& key) {
  const auto command_line = read_text_file("/proc/cmdline");
  return command_line ? word_after(*command_line, key) : std::string{};
}

bool emulated_by_qemu() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  __cpuid(0x40000000, eax, ebx, ecx, edx);
  char signature[13] = {};
  std::memcpy(signature, &ebx, 4);
  std::memcpy(signature + 4, &ecx, 4);
  std::memcpy(signature + 8, &edx, 4);
  return std::strcmp(signature, "TCGTCGTCGTCG") == 0;
}

// CPUID leaves 0x80000002..4: 48 bytes of text.
std::string cpu_model() {
  unsigned words[12] = {};
  for (std::size_t leaf = 0; leaf < 3; ++leaf) {
    unsigned* at = words + 4 * leaf;
    if (__get_cpuid(0x80000002 + static_cast<unsigned>(leaf), at, at + 1, at + 2, at + 3) == 0) return {};
  }
  char text[sizeof words + 1] = {};
  std::memcpy(text, words, sizeof words);
  std::string model(text);
  model.erase(model.find_last_not_of(' ') + 1);
  return model;
}

std::uint64_t unix_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

recording::TimeKind time_kind_of_this_machine() {
  if (const auto named = recording::time_kind_of(kernel_parameter("trapline.time="))) return *named;
  return emulated_by_qemu() ? recording::TimeKind::emulated : recording::TimeKind::real;
}

std::string emulator_of_this_machine() {
  return kernel_parameter("trapline.emulator=");
}

recording::Apicv apicv_of_this_machine() {
  for (const char* parameter :
       {"/sys/module/kvm_intel/parameters/enable_apicv", "/sys/module/kvm_amd/parameters/avic"}) {
    const auto value = read_text_file(parameter);
    if (!value) continue;
    return value->starts_with('Y') || value->starts_with('1') ? recording::Apicv::on : recording::Apicv::off;
  }
  return recording::Apicv::unknown;
}

recording::RecordingInfo describe_this_machine() {
  recording::RecordingInfo info;
  info.trapline_version = kVersion;
  utsname name{};
  if (::uname(&name) == 0) {
    info.hostname = name.nodename;
    info.kernel_release = name.release;
  }
  info.cpu_model = cpu_model();
  info.time_kind = time_kind_of_this_machine();
  info.apicv = apicv_of_this_machine();
  info.started_unix_ns = unix_now_ns();
  return info;
}

}  // namespace trapline::cli
