#include "analysis/ground_truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "vmm/guest/abi.h"

namespace trapline::analysis {
namespace {

using tracer::Exit;
using tracer::ExitSubject;
using tracer::Timeline;
using tracer::VcpuTimeline;

const VcpuTimeline* find_vcpu(const Timeline& timeline, std::uint16_t vcpu) {
  const auto found = std::find_if(timeline.vcpus.begin(), timeline.vcpus.end(),
                                  [&](const VcpuTimeline& candidate) { return candidate.vcpu == vcpu; });
  return found == timeline.vcpus.end() ? nullptr : &*found;
}

template <typename Predicate>
std::uint64_t count_exits(const VcpuTimeline& vcpu, const Predicate& predicate) {
  return static_cast<std::uint64_t>(std::count_if(vcpu.exits.begin(), vcpu.exits.end(), predicate));
}

bool has_reason(const Exit& exit, std::string_view svm, std::string_view vmx) {
  return exit.description.reason == svm || exit.description.reason == vmx;
}

std::uint64_t count_subject(const VcpuTimeline& vcpu, ExitSubject::Kind kind, std::uint64_t number) {
  return count_exits(vcpu, [&](const Exit& exit) {
    return exit.description.subject.kind == kind && exit.description.subject.number == number;
  });
}

// What the VMM did itself, instead of an exit of that kind.
std::uint64_t count_steps(const VcpuTimeline& vcpu, const recording::GuestCount& count) {
  return static_cast<std::uint64_t>(std::count_if(
      vcpu.steps.begin(), vcpu.steps.end(),
      [&](const tracer::VmmStep& step) { return step.count_kind == count.kind && step.arg == count.key; }));
}

// KVM_HC_VAPIC_POLL_IRQ (Documentation/virt/kvm/x86/hypercalls.rst): what the nano-kernel takes for a null
// hypercall to KVM, because KVM has nothing to do for it.
constexpr std::uint64_t kNullHypercallOfKvm = 1;

bool answers_hypercalls_in_the_guest(std::string_view path) {
  return path == "pv-ring0" || path == "pv-direct";
}

// What the recording shows of one of the guest's counts; none where it cannot show it.
std::optional<TruthRow> compare(const recording::GuestCount& count, const VcpuTimeline& vcpu,
                                std::string_view path) {
  TruthRow row;
  row.vcpu = count.vcpu;
  row.guest = count.count;
  const std::uint64_t steps = count_steps(vcpu, count);
  switch (count.kind) {
    case GUEST_COUNT_IO:
      row.what = fmt::format("io port {:#x}", count.key);
      row.recorded = steps + count_subject(vcpu, ExitSubject::Kind::port, count.key);
      return row;
    case GUEST_COUNT_MSR:
      row.what = fmt::format("msr {:#x}", count.key);
      row.recorded = steps + count_subject(vcpu, ExitSubject::Kind::msr, count.key);
      return row;
    case GUEST_COUNT_MMIO:
      row.what = fmt::format("mmio gpa {:#x}", count.key);
      row.recorded = steps + count_subject(vcpu, ExitSubject::Kind::gpa, count.key);
      return row;
    case GUEST_COUNT_CPUID:
      row.what = "cpuid";
      row.recorded =
          steps + count_exits(vcpu, [](const Exit& exit) { return has_reason(exit, "cpuid", "CPUID"); });
      return row;
    case GUEST_COUNT_HLT:
      row.what = "hlt";
      row.recorded = steps + count_exits(vcpu, [](const Exit& exit) { return is_halt(exit.description); });
      return row;
    case GUEST_COUNT_HYPERCALL:
      if (answers_hypercalls_in_the_guest(path)) return std::nullopt;
      row.what = "null hypercall";
      row.recorded = steps + count_subject(vcpu, ExitSubject::Kind::hypercall, kNullHypercallOfKvm);
      return row;
    case GUEST_COUNT_ISR:
      row.what =
          count.key == GUEST_VECTOR_SYSCALL ? "syscall entries" : fmt::format("isr vector {:#x}", count.key);
      row.recorded = static_cast<std::uint64_t>(
          std::count_if(vcpu.isrs.begin(), vcpu.isrs.end(),
                        [&](const tracer::Isr& isr) { return isr.vector == count.key; }));
      return row;
    default:
      return std::nullopt;
  }
}

struct KvmCounter {
  std::string_view name;  // as KVM_GET_STATS_FD names it (arch/x86/kvm/x86.c, kvm_vcpu_stats_desc)
  std::string_view svm;   // exit reason that it counts; empty: every exit
  std::string_view vmx;
};
// Counters that count one event of ours each. (irq_injections also counts injections that were cancelled.)
constexpr std::array kKvmCounters = {
    KvmCounter{"exits", "", ""},
    KvmCounter{"io_exits", "io", "IO_INSTRUCTION"},
    KvmCounter{"halt_exits", "hlt", "HLT"},
    KvmCounter{"irq_exits", "interrupt", "EXTERNAL_INTERRUPT"},
    KvmCounter{"irq_window_exits", "vintr", "INTERRUPT_WINDOW"},
};

}  // namespace

std::vector<TruthRow> compare_with_guest(const std::vector<recording::GuestCount>& counts,
                                         const Timeline& timeline, std::string_view path) {
  std::vector<TruthRow> rows;
  for (const auto& count : counts) {
    const VcpuTimeline* vcpu = find_vcpu(timeline, count.vcpu);
    if (vcpu == nullptr) continue;
    // Without stamps there are no ISRs to count.
    if (count.kind == GUEST_COUNT_ISR && vcpu->stamps == 0) continue;
    if (auto row = compare(count, *vcpu, path)) rows.push_back(std::move(*row));
  }
  return rows;
}

std::vector<KvmStatRow> compare_with_kvm(const std::vector<recording::KvmStat>& stats,
                                         const Timeline& timeline) {
  std::vector<KvmStatRow> rows;
  for (const auto& stat : stats) {
    const VcpuTimeline* vcpu = find_vcpu(timeline, stat.vcpu);
    const auto counter = std::find_if(kKvmCounters.begin(), kKvmCounters.end(),
                                      [&](const KvmCounter& row) { return row.name == stat.name; });
    if (vcpu == nullptr || counter == kKvmCounters.end()) continue;
    const std::uint64_t recorded = count_exits(*vcpu, [&](const Exit& exit) {
      return counter->svm.empty() || has_reason(exit, counter->svm, counter->vmx);
    });
    rows.push_back({stat.vcpu, stat.name, stat.value, recorded});
  }
  return rows;
}

}  // namespace trapline::analysis
