// One interrupt or exception as a story: who raised it, who accepted it, how the vCPU learned of it, when it
// was injected, when the guest's ISR began, ended its interrupt and returned. Each link says how it was made.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace trapline::tracer {

// Number of a story within its recording, from 1.
using InterruptId = std::uint64_t;
inline constexpr InterruptId kNoInterrupt = 0;

enum class InterruptSource : std::uint8_t {
  timer,          // the LAPIC's
  line,           // an irqchip pin: KVM_IRQ_LINE, or the VMM's own irqchip
  msi,            // KVM_SIGNAL_MSI
  irqfd,          // an eventfd
  ipi,            // another vCPU, or the vCPU itself: by ICR or hypercall
  event_channel,  // of a paravirtual path
  exception,      // a fault or trap of the guest's own
  software,       // INT n, SYSCALL
  nmi,
  unknown,  // an external interrupt of which nothing tells who raised it
};
inline constexpr std::size_t kInterruptSources = 10;
[[nodiscard]] std::string_view source_name(InterruptSource source);  // "timer", "event-channel"

// In the order in which they happen, but for a timer that fires while the guest runs: there the vCPU leaves
// the guest (kicked) before KVM looks at the timer (accepted).
enum class Link : std::uint8_t {
  raised,     // of an exception that exits: the exit
  accepted,   // by the LAPIC: its request bit is being set
  kicked,     // the vCPU left the guest for it, or its thread was woken; none if it was in KVM anyway
  injected,   // at an entry, or by the VMM into a guest kernel without privilege
  isr_entry,  // the guest's ISR has saved registers
  eoi,
  iret,  // before registers are restored
};
inline constexpr std::size_t kLinks = 7;
[[nodiscard]] std::string_view link_name(Link link);  // "raised", "isr_entry"

// What told of a link.
enum class LinkedBy : std::uint8_t {
  none,         // not seen
  vmm_mark,     // the VMM's own record in the raising thread
  tracepoint,   // kvm_set_irq, kvm_msi_set_irq, kvm_apic_accept_irq, kvm_eoi: in its thread
  exit,         // an exit of the vCPU (or of the sender of an IPI)
  entry,        // an entry with an event to inject
  waking,       // sched_waking of the vCPU's thread
  vmm_step,     // the VMM's own account of a delivery
  guest_stamp,  // the guest itself
  order,        // the oldest of its kind that was still open: nothing names the pair
};
[[nodiscard]] std::string_view linked_by_name(LinkedBy by);  // "vmm mark", "exit"

struct LinkPoint {
  HostNs at;
  LinkedBy by = LinkedBy::none;

  [[nodiscard]] bool seen() const { return by != LinkedBy::none; }
};

struct Interrupt {
  InterruptId id = kNoInterrupt;
  std::uint16_t vcpu = 0;    // that it is for
  std::uint32_t vector = 0;  // GUEST_VECTOR_SYSCALL: SYSCALL
  InterruptSource source = InterruptSource::unknown;
  std::array<LinkPoint, kLinks> links{};
  std::uint32_t raised_by_tid = 0;              // 0: not known
  std::optional<std::uint16_t> raised_by_vcpu;  // whose thread that is
  std::uint32_t coalesced = 0;     // further times that it was raised while it was pending: one ISR for all
  std::uint32_t reinjections = 0;  // its delivery was interrupted by an exit and began again
  // Times that its handler was entered again before it had run, with nothing raised or injected again: a
  // fault of the hypervisor below.
  std::uint32_t delivered_twice = 0;
  std::uint32_t entries_masked = 0;  // entries between accepted and injected: the guest could not take it yet
  unsigned depth = 0;                // handlers that its ISR interrupted
  bool posted = false;               // delivered by hardware without an injection (APICv, AVIC)
  bool eoi_exit = false;             // its EOI made the vCPU exit
  std::uint8_t missing = 0;          // bit per Link: should be there, but was not seen

  [[nodiscard]] const LinkPoint& link(Link which) const { return links[static_cast<std::size_t>(which)]; }
  [[nodiscard]] LinkPoint& link(Link which) { return links[static_cast<std::size_t>(which)]; }
  [[nodiscard]] bool is_missing(Link which) const {
    return (missing >> static_cast<unsigned>(which) & 1) != 0;
  }
  [[nodiscard]] bool complete() const { return missing == 0; }
  // An interrupt that an irqchip or a VMM brought, as against what the guest's own instructions caused.
  [[nodiscard]] bool external() const {
    return source != InterruptSource::exception && source != InterruptSource::software;
  }
  // The earliest and latest link that was seen.
  [[nodiscard]] HostNs begin() const;
  [[nodiscard]] HostNs end() const;
  // From one link to another; none where either was not seen, 0 where they are in another order.
  [[nodiscard]] std::optional<std::uint64_t> between(Link from, Link to) const;
};

}  // namespace trapline::tracer
