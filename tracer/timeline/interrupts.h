// Links what happened in many threads into one story for each interrupt and exception (interrupt.h).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "tracer/exits/events.h"
#include "tracer/timeline/dated.h"
#include "tracer/timeline/feed.h"
#include "tracer/timeline/sink.h"

namespace trapline::tracer {

// What KVM says of an interrupt on its way differs by source; the order of the events, and in whose thread
// they happen, was traced for each on Linux 6.1 and 6.12 (docs/how-it-works.md has the table). The rules:
//
//  raised     the VMM's mark in the thread that accepts next, else kvm_set_irq or kvm_msi_set_irq there;
//             of an IPI the sender's exit; of a LAPIC timer the exit, or the wakeup, before the acceptance.
//  accepted   kvm_apic_accept_irq names vCPU and vector. One more while one is pending is coalesced with it.
//             kvm_apicv_accept_irq after it in that thread says that it is posted: no injection will be seen.
//  kicked     the first exit after the acceptance; if the vCPU was in KVM: the waking of its thread.
//  injected   the first entry of the vCPU that injects the vector. One whose delivery an exit interrupted is
//             injected again, and stays the same interrupt.
//  isr_entry  the first K1 of the vector after it. eoi, iret: the stamps of that ISR.
//
// Delivered twice: an ISR that interrupted its own first instruction, a step of the VMM that dropped the
// second delivery, or, of an emulated SVM, what its EXITINTINFO holds at the next exit. The handler's first
// instruction runs when the second ISR has returned: both ISRs are one interrupt, from the first K1 to the
// last K2.
//
// Calls come in the order of time for each vCPU, and all that happened before a call has been told.
class InterruptLinker {
 public:
  // `raises`: the VMM's marks. `has_stamps`: whether the guest's own stamps are recorded; without them a
  // story ends at its EOI, a posted one at once, and neither lacks what only the guest could tell.
  InterruptLinker(Feed<DatedRaise> raises, bool has_stamps, std::uint64_t clock_bound_ns, HostNs begin,
                  TimelineSink& sink);
  ~InterruptLinker();

  // ---- In any thread
  void set_irq(HostNs at, std::uint32_t tid);  // kvm_set_irq with level 1
  void msi_set_irq(HostNs at, std::uint32_t tid);
  struct Acceptance {
    HostNs at;
    std::uint32_t tid = 0;
    std::optional<std::uint16_t> thread_vcpu;  // whose thread that is
    std::uint16_t target = 0;
    std::uint32_t vector = 0;
    bool posted = false;
  };
  void accepted(const Acceptance& acceptance);
  void waking(std::uint16_t vcpu, HostNs at);  // of the vCPU's thread

  // ---- In the vCPU's cycles
  // `by_exit`: the EOI exited, as against a paravirtual one that KVM found at an exit for something else.
  void eoi(std::uint16_t vcpu, HostNs at, std::uint32_t vector, bool by_exit);
  void vmm_step(std::uint16_t vcpu, const VmmStep& step, const Exit& exit);
  // EXITINTINFO of an exit says that the vector was delivered once more since the entry before. To be called
  // when that stay's stamps have been told.
  void delivered_twice(std::uint16_t vcpu, std::uint32_t vector);
  void cycle(std::uint16_t vcpu, const Exit& exit);
  [[nodiscard]] InterruptId injected(std::uint16_t vcpu, const Injection& injection, EventType type,
                                     const Exit* exit);
  void entered(std::uint16_t vcpu, HostNs at);

  // ---- By the guest
  [[nodiscard]] InterruptId isr_entered(std::uint16_t vcpu, const Isr& isr);
  void isr_eoi(std::uint16_t vcpu, const Isr& isr);
  void isr_left(std::uint16_t vcpu, const Isr& isr);

  // Hands on all that has not ended.
  void finish();

 private:
  struct Story;
  struct OfVcpu;
  struct Raise;

  OfVcpu& of(std::uint16_t vcpu);
  Story& new_story(std::uint16_t vcpu, std::uint32_t vector, InterruptSource source);
  void end_story(Story& story);
  void hand_on(Story& story);
  void open_story(OfVcpu& vcpu, Story& story);
  bool mark_posted(const Acceptance& posted);
  void set_posted(Story& story);
  void remember(const Acceptance& acceptance, InterruptId story);
  Story* take_pending(OfVcpu& vcpu, std::uint32_t vector);
  Story* awaiting_isr(OfVcpu& vcpu, std::uint32_t vector);
  Story* returned_to_entry(OfVcpu& vcpu, std::uint32_t vector);
  static Story* latest(const std::vector<Story*>& stories, std::uint32_t vector);
  void read_raises(HostNs until);
  std::optional<Raise> take_raise_of_thread(std::uint32_t tid, HostNs at);
  std::optional<Raise> take_raises_of_vector(std::uint32_t vector, std::uint32_t& coalesced);
  void take_raises(Story& story);
  void set_raised(Story& story, const Raise& raise);
  void find_source(Story& story, const Exit& exit);

  Feed<DatedRaise> raises_;
  bool has_stamps_;
  std::uint64_t clock_bound_ns_;
  HostNs begin_;
  TimelineSink& sink_;
  InterruptId last_id_ = kNoInterrupt;
  std::unordered_map<InterruptId, Story> stories_;  // that have not been handed on
  std::map<std::uint16_t, OfVcpu> vcpus_;
  struct LastAccepted {
    std::uint16_t target = 0;
    std::uint32_t vector = 0;
    InterruptId story = kNoInterrupt;
  };
  std::unordered_map<std::uint32_t, LastAccepted> last_accepted_;  // by thread
  std::deque<Raise> marks_;                                        // of the VMM, that no interrupt has taken
  std::unordered_map<std::uint32_t, Raise>
      tracepoints_;  // the last kvm_set_irq or kvm_msi_set_irq, by thread
};

}  // namespace trapline::tracer
