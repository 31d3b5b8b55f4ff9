#include "tracer/exits/describe.h"

#include <fmt/format.h>

#include <array>

#include "tracer/exits/keys.h"
#include "tracer/exits/svm.h"
#include "tracer/exits/vectors.h"
#include "tracer/exits/vmx.h"

namespace trapline::tracer {
namespace {

using Subject = ExitSubject::Kind;

std::string reason_of(const ExitKind& kind) {
  if (kind.detail == ExitDetail::entry_only) return "entry only";
  if (kind.isa == TRL_ISA_SVM) return svm_exit_name(kind.reason);
  if (kind.isa == TRL_ISA_VMX) return vmx_exit_name(kind.reason);
  return fmt::format("unknown ({:#x})", kind.reason);
}

std::string_view memory_access_word(std::uint8_t access) {
  if ((access & kAccessWrite) != 0) return "write";
  return (access & kAccessFetch) != 0 ? "fetch" : "read";
}

std::string key_of(const ExitKind& kind) {
  constexpr std::array<std::string_view, 4> kControlRegister = {"write", "read", "clts", "lmsw"};
  switch (kind.detail) {
    case ExitDetail::none:
    case ExitDetail::entry_only:
      return {};
    case ExitDetail::failed_entry:
      return "failed entry";
    case ExitDetail::io:
      return io_key(io_of(kind));
    case ExitDetail::msr:
      return msr_key(static_cast<std::uint32_t>(kind.number), (kind.access & kAccessWrite) != 0);
    case ExitDetail::memory:
      return "memory";
    case ExitDetail::mmio:
      return fmt::format("gpa {:#x} {}", kind.number, memory_access_word(kind.access));
    case ExitDetail::mmio_any_direction:
      return fmt::format("gpa {:#x}", kind.number);
    case ExitDetail::mmio_anywhere:
      return "mmio";
    case ExitDetail::cpuid:
      return fmt::format("leaf {:#x}", kind.number);
    case ExitDetail::hypercall:
      return hypercall_key(kind.number);
    case ExitDetail::control_register:
      return fmt::format("cr{} {}", kind.number, kControlRegister[kind.access & 3]);
    case ExitDetail::interrupt:
      return fmt::format("vector {:#x}", kind.number);
    case ExitDetail::exception:
      return vector_name(static_cast<std::uint32_t>(kind.number));
    case ExitDetail::software_interrupt:
      return fmt::format("int {:#x}", kind.number);
    case ExitDetail::lapic_register:
      return fmt::format("lapic register {:#x}", kind.number);
  }
  return {};
}

Subject subject_kind(ExitDetail detail) {
  switch (detail) {
    case ExitDetail::io:
      return Subject::port;
    case ExitDetail::msr:
      return Subject::msr;
    case ExitDetail::mmio:
    case ExitDetail::mmio_any_direction:
      return Subject::gpa;
    case ExitDetail::cpuid:
      return Subject::cpuid_leaf;
    case ExitDetail::hypercall:
      return Subject::hypercall;
    case ExitDetail::control_register:
      return Subject::control_register;
    case ExitDetail::interrupt:
    case ExitDetail::exception:
    case ExitDetail::software_interrupt:
      return Subject::vector;
    case ExitDetail::lapic_register:
      return Subject::lapic_register;
    default:
      return Subject::none;
  }
}

ExitSubject::Access access_of(const ExitKind& kind) {
  using enum ExitSubject::Access;
  switch (kind.detail) {
    case ExitDetail::io:
      return (kind.access & kAccessIn) != 0 ? read : write;
    case ExitDetail::msr:
    case ExitDetail::mmio:
      return (kind.access & kAccessWrite) != 0 ? write : read;
    default:
      return any;
  }
}

ExitDescription description_of(const ExitKind& kind) {
  const Subject subject = subject_kind(kind.detail);
  return {reason_of(kind),
          key_of(kind),
          kind.cause,
          {subject, subject == Subject::none ? 0 : kind.number, access_of(kind)}};
}

}  // namespace

std::string_view cause_name(Cause cause) {
  return cause == Cause::guest ? "guest" : "async";
}

std::string_view access_name(ExitSubject::Access access) {
  constexpr std::array<std::string_view, 3> kNames = {"", "read", "write"};
  return kNames[static_cast<std::size_t>(access)];
}

ExitKind kind_of(const trl_exit_cycle& cycle) {
  ExitKind kind;
  if ((cycle.flags & TRL_ENTRY_ONLY) != 0) {
    kind.detail = ExitDetail::entry_only;
    kind.cause = Cause::async;
    return kind;
  }
  if ((cycle.flags & TRL_ISA_SVM) != 0) return svm_kind(cycle);
  if ((cycle.flags & TRL_ISA_VMX) != 0) return vmx_kind(cycle);
  kind.reason = cycle.reason;
  return kind;
}

ExitDescription describe(const trl_exit_cycle& cycle) {
  return description_of(kind_of(cycle));
}

bool is_halt(const ExitDescription& description) {
  return description.reason == "hlt" || description.reason == "HLT" || description.reason == "idle-halt";
}

const ExitDescription* ExitKinds::describe(const trl_exit_cycle& cycle) {
  const ExitKind kind = kind_of(cycle);
  if (last_ != nullptr && kind == last_kind_) return last_;
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) {
    found = kinds_.emplace(kind, description_of(kind)).first;
    found->second.index = static_cast<std::uint32_t>(kinds_.size() - 1);
    found->second.halts = is_halt(found->second);
  }
  last_kind_ = kind;
  last_ = &found->second;
  return last_;
}

}  // namespace trapline::tracer
