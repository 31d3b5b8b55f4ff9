#include "analysis/ground_truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "vmm/guest/abi.h"

namespace trapline::analysis {
namespace {

using tracer::ExitDescription;
using tracer::ExitSubject;
using OfVcpu = RecordedCounts::OfVcpu;

template <typename Predicate>
std::uint64_t count_exits(const OfVcpu& vcpu, const Predicate& predicate) {
  std::uint64_t count = 0;
  for (const RecordedCounts::OfKind& kind : vcpu.exits) {
    if (kind.count != 0 && predicate(kind.what)) count += kind.count;
  }
  return count;
}

bool has_reason(const ExitDescription& what, std::string_view svm, std::string_view vmx) {
  return what.reason == svm || what.reason == vmx;
}

std::uint64_t count_subject(const OfVcpu& vcpu, ExitSubject::Kind kind, std::uint64_t number) {
  return count_exits(vcpu, [&](const ExitDescription& what) {
    return what.subject.kind == kind && what.subject.number == number;
  });
}

template <typename Map, typename Key>
std::uint64_t value_or_0(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : found->second;
}

// What the VMM did itself, instead of an exit of that kind.
std::uint64_t count_steps(const OfVcpu& vcpu, const recording::GuestCount& count) {
  return value_or_0(vcpu.steps, std::pair(static_cast<std::uint16_t>(count.kind), std::uint64_t{count.key}));
}

// KVM_HC_VAPIC_POLL_IRQ (Documentation/virt/kvm/x86/hypercalls.rst): what the nano-kernel takes for a null
// hypercall to KVM, because KVM has nothing to do for it.
constexpr std::uint64_t kNullHypercallOfKvm = 1;

bool answers_hypercalls_in_the_guest(std::string_view path) {
  return path == "pv-ring0" || path == "pv-direct";
}

// What the recording shows of one of the guest's counts; none where it cannot show it.
std::optional<TruthRow> compare(const recording::GuestCount& count, const OfVcpu& vcpu,
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
      row.recorded = steps + count_exits(vcpu, [](const ExitDescription& what) {
                       return has_reason(what, "cpuid", "CPUID");
                     });
      return row;
    case GUEST_COUNT_HLT:
      row.what = "hlt";
      row.recorded = steps + count_exits(vcpu, [](const ExitDescription& what) { return is_halt(what); });
      return row;
    case GUEST_COUNT_HYPERCALL:
      if (answers_hypercalls_in_the_guest(path)) return std::nullopt;
      row.what = "null hypercall";
      row.recorded = steps + count_subject(vcpu, ExitSubject::Kind::hypercall, kNullHypercallOfKvm);
      return row;
    case GUEST_COUNT_ISR:
      row.what =
          count.key == GUEST_VECTOR_SYSCALL ? "syscall entries" : fmt::format("isr vector {:#x}", count.key);
      row.recorded = value_or_0(vcpu.isrs, count.key);
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
                                         const RecordedCounts& recorded, std::string_view path) {
  std::vector<TruthRow> rows;
  for (const auto& count : counts) {
    const OfVcpu* vcpu = recorded.find(count.vcpu);
    if (vcpu == nullptr) continue;
    // Without stamps there are no ISRs to count.
    if (count.kind == GUEST_COUNT_ISR && vcpu->stamps == 0) continue;
    if (auto row = compare(count, *vcpu, path)) rows.push_back(std::move(*row));
  }
  return rows;
}

std::vector<KvmStatRow> compare_with_kvm(const std::vector<recording::KvmStat>& stats,
                                         const RecordedCounts& recorded) {
  std::vector<KvmStatRow> rows;
  for (const auto& stat : stats) {
    const OfVcpu* vcpu = recorded.find(stat.vcpu);
    const auto counter = std::find_if(kKvmCounters.begin(), kKvmCounters.end(),
                                      [&](const KvmCounter& row) { return row.name == stat.name; });
    if (vcpu == nullptr || counter == kKvmCounters.end()) continue;
    const std::uint64_t ours = count_exits(*vcpu, [&](const ExitDescription& what) {
      return counter->svm.empty() || has_reason(what, counter->svm, counter->vmx);
    });
    rows.push_back({stat.vcpu, stat.name, stat.value, ours});
  }
  return rows;
}

}  // namespace trapline::analysis
