#include "tracer/recorder/vmx_support.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/fd.h"
#include "base/file.h"
#include "tracer/recorder/tracepoint_arguments.h"

namespace trapline::tracer {
namespace {

constexpr std::array<std::string_view, 2> kTracefs = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

// The first member that a struct lacks; empty: none.
template <std::size_t Count>
std::string missing_member(const KernelBtf& btf, std::string_view structure,
                           const std::array<std::string_view, Count>& members) {
  const auto found = btf.find(structure, BTF_KIND_STRUCT);
  if (!found) return fmt::format("this kernel has no struct {}", structure);
  for (const std::string_view member : members) {
    if (!KernelBtf::member(found->types, found->type, member))
      return fmt::format("struct {} has no member {}", structure, member);
  }
  return {};
}

// Bits of regs_avail that bpf/vmx.h tests (VCPU_HAS_EXIT_INFO_1 and _2), under their names of before and from
// Linux 7.
struct RegisterBit {
  std::array<std::string_view, 2> names;
  std::int64_t bit;
};
constexpr RegisterBit kExitInfoBits[] = {
    {{"VCPU_EXREG_EXIT_INFO_1", "VCPU_REG_EXIT_INFO_1"}, 23},
    {{"VCPU_EXREG_EXIT_INFO_2", "VCPU_REG_EXIT_INFO_2"}, 24},
};

std::string moved_register_bit(const KernelBtf& btf) {
  for (const RegisterBit& wanted : kExitInfoBits) {
    const bool there = std::ranges::any_of(
        wanted.names, [&](std::string_view name) { return btf.enumerator("kvm_reg", name) == wanted.bit; });
    if (!there) return fmt::format("enum kvm_reg has no {} = {}", wanted.names.front(), wanted.bit);
  }
  return {};
}

// As libbpf opens it to attach a program. What decides is kernel.perf_event_paranoid, and how the
// distribution's kernel reads it: Debian's reserves it for CAP_SYS_ADMIN.
bool perf_event_opens(const std::string& id_file) {
  const auto id = read_text_file(id_file);
  if (!id) return false;
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof attributes;
  std::uint64_t config = 0;
  std::from_chars(id->data(), id->data() + id->size(), config);
  attributes.config = config;
  return static_cast<bool>(
      Fd(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC))));
}

bool is_tracefs(std::string_view folder) {
  struct statfs file_system {};
  return ::statfs(std::string(folder).c_str(), &file_system) == 0 && file_system.f_type == TRACEFS_MAGIC;
}

}  // namespace

ClassicExit find_classic_exit(const KernelBtf& btf, bool cap_sys_admin) {
  constexpr std::array<std::string_view, 5> kFields = {"exit_reason", "guest_rip", "info1", "info2",
                                                       "intr_info"};
  if (!missing_member(btf, "trace_event_raw_kvm_exit", kFields).empty()) return ClassicExit::other_record;
  for (const std::string_view root : kTracefs) {
    const std::string path = fmt::format("{}/events/kvm/kvm_exit/id", root);
    if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0)
      return cap_sys_admin || perf_event_opens(path) ? ClassicExit::attachable : ClassicExit::no_perf_event;
    const bool refused = errno == EACCES;
    if (is_tracefs(root)) return refused ? ClassicExit::not_readable : ClassicExit::no_event;
  }
  return ClassicExit::no_tracefs;
}

std::string light_lacks(const KernelBtf& btf) {
  constexpr std::array<std::string_view, 4> kOfVmx = {"exit_reason", "exit_qualification", "exit_intr_info",
                                                      "idt_vectoring_info"};
  constexpr std::array<std::string_view, 1> kOfArch = {"regs_avail"};
  if (!tracepoint_takes(btf, "kvm_exit", "v")) return "the tracepoint kvm_exit has other arguments";
  if (std::string missing = missing_member(btf, "vcpu_vmx", kOfVmx); !missing.empty()) return missing;
  if (std::string missing = missing_member(btf, "kvm_vcpu_arch", kOfArch); !missing.empty()) return missing;
  return moved_register_bit(btf);
}

}  // namespace trapline::tracer
