#include "tracer/timeline/interrupts.h"

#include <algorithm>

#include "vmm/observer.h"

namespace trapline::tracer {
namespace {

// More than any guest that works has: the oldest is given up then.
constexpr std::size_t kMaxOpen = 64;
constexpr std::size_t kMaxMarks = 1024;
constexpr std::size_t kMaxThreads = 4096;

constexpr std::uint32_t kFirstExternalVector = 32;
constexpr std::uint64_t kMsrIcr = 0x830;
constexpr std::uint64_t kMsrSelfIpi = 0x83f;
constexpr std::uint64_t kHypercallSendIpi = 10;
constexpr std::uint64_t kLapicPage = 0xfee00;
constexpr std::uint64_t kLapicIcr = 0x300;

InterruptSource source_of(std::uint16_t raise_kind, std::uint32_t number) {
  switch (static_cast<vmm::RaiseKind>(raise_kind)) {
    case vmm::RaiseKind::line:
      return InterruptSource::line;
    case vmm::RaiseKind::msi:
      return InterruptSource::msi;
    case vmm::RaiseKind::irqfd:
      return InterruptSource::irqfd;
    case vmm::RaiseKind::timer:
      return InterruptSource::timer;
    case vmm::RaiseKind::ipi:
      return InterruptSource::ipi;
    case vmm::RaiseKind::event_channel:
      if (number == GUEST_CHANNEL_TIMER) return InterruptSource::timer;
      return number == GUEST_CHANNEL_IPI ? InterruptSource::ipi : InterruptSource::event_channel;
  }
  return InterruptSource::unknown;
}

InterruptSource source_of_event(EventType type) {
  switch (type) {
    case EventType::interrupt:
      return InterruptSource::unknown;
    case EventType::nmi:
      return InterruptSource::nmi;
    case EventType::exception:
      return InterruptSource::exception;
    default:
      return InterruptSource::software;
  }
}

// By a vector alone: what hardware delivered without KVM's doing, or the VMM to a guest without privilege.
InterruptSource source_of_vector(std::uint32_t vector) {
  if (vector < kFirstExternalVector) return InterruptSource::exception;
  if (vector == GUEST_VECTOR_INT80 || vector == GUEST_VECTOR_SYSCALL) return InterruptSource::software;
  return InterruptSource::unknown;
}

// Whether the exit is one that sends interrupts to vCPUs: the ICR is written, or KVM's hypercall for it made.
bool sends_ipi(const Exit& exit) {
  const ExitSubject& subject = exit.what->subject;
  switch (subject.kind) {
    case ExitSubject::Kind::msr:
      return subject.number == kMsrIcr || subject.number == kMsrSelfIpi;
    case ExitSubject::Kind::hypercall:
      return subject.number == kHypercallSendIpi;
    case ExitSubject::Kind::gpa:
      return subject.number >> 12 == kLapicPage && (subject.number & 0xfff) == kLapicIcr;
    case ExitSubject::Kind::lapic_register:
      return subject.number == kLapicIcr;
    default:
      return false;
  }
}

}  // namespace

struct InterruptLinker::Raise {
  LinkPoint point;
  std::uint32_t tid = 0;
  InterruptSource source = InterruptSource::unknown;
  std::uint16_t mark_kind = 0;  // vmm::RaiseKind, 0: told by a tracepoint
  std::uint32_t gsi_or_vector = 0;
};

struct InterruptLinker::Story {
  Interrupt interrupt;
  bool needs_acceptance = false;
  bool needs_injection = false;
  bool awaits_source = false;  // the cycle of the thread that accepted it will tell
  bool kvm_saw_eoi = false;
  bool awaits_exit = false;       // its ISR was entered without a cause: the exit after it may name one
  std::uint32_t entries_due = 0;  // ISRs that returned, or will, to their handler's first instruction
  bool ended = false;
};

struct InterruptLinker::OfVcpu {
  std::uint16_t vcpu = 0;
  bool accepts = false;  // KVM's LAPIC accepts for this vCPU: interrupts without are missing a link
  HostNs last_entry;
  std::vector<Story*> pending;        // accepted, not injected: at most one of a vector
  std::vector<Story*> kicks;          // accepted since the last entry
  std::vector<Story*> open;           // injected or in their ISR, the latest last
  std::vector<Story*> accepted_here;  // in this vCPU's thread, since its last entry
  std::vector<Story*> unexplained;    // since the last exit: awaits_exit
  std::vector<std::uint32_t> twice;   // since the last exit: vectors that were delivered twice
  std::vector<HostNs> wakings;        // since the last entry
};

InterruptLinker::InterruptLinker(Feed<DatedRaise> raises, bool has_stamps, std::uint64_t clock_bound_ns,
                                 HostNs begin, TimelineSink& sink)
    : raises_(std::move(raises)),
      has_stamps_(has_stamps),
      clock_bound_ns_(clock_bound_ns),
      begin_(begin),
      sink_(sink) {}
InterruptLinker::~InterruptLinker() = default;

InterruptLinker::OfVcpu& InterruptLinker::of(std::uint16_t vcpu) {
  OfVcpu& found = vcpus_[vcpu];
  found.vcpu = vcpu;
  return found;
}

InterruptLinker::Story& InterruptLinker::new_story(std::uint16_t vcpu, std::uint32_t vector,
                                                   InterruptSource source) {
  Story& story = stories_[++last_id_];
  story.interrupt.id = last_id_;
  story.interrupt.vcpu = vcpu;
  story.interrupt.vector = vector;
  story.interrupt.source = source;
  return story;
}

// ---- Endings
// ---------------------------------------------------------------------------------------------------

void InterruptLinker::hand_on(Story& story) {
  Interrupt& interrupt = story.interrupt;
  const auto need = [&](Link link, bool needed) {
    if (needed && !interrupt.link(link).seen())
      interrupt.missing = static_cast<std::uint8_t>(interrupt.missing | 1u << static_cast<unsigned>(link));
  };
  const bool maskable = interrupt.external() && interrupt.source != InterruptSource::nmi;
  need(Link::raised, maskable && interrupt.source != InterruptSource::timer);
  need(Link::accepted, maskable && story.needs_acceptance);
  need(Link::injected, story.needs_injection && !interrupt.posted);
  need(Link::isr_entry, has_stamps_);
  need(Link::eoi, maskable && (has_stamps_ || !interrupt.posted));
  need(Link::iret, has_stamps_);
  sink_.interrupt(interrupt);
  stories_.erase(interrupt.id);
}

// No more links are to come; who raised it may still be told by the sender's cycle.
void InterruptLinker::end_story(Story& story) {
  OfVcpu& vcpu = of(story.interrupt.vcpu);
  std::erase(vcpu.open, &story);
  std::erase(vcpu.kicks, &story);
  story.ended = true;
  if (!story.awaits_source && !story.awaits_exit) hand_on(story);
}

void InterruptLinker::finish() {
  std::vector<InterruptId> left;
  left.reserve(stories_.size());
  for (const auto& [id, story] : stories_)
    left.push_back(id);
  std::sort(left.begin(), left.end());
  for (const InterruptId id : left)
    hand_on(stories_.at(id));
  vcpus_.clear();
}

// ---- Who raised it
// ---------------------------------------------------------------------------------------------

void InterruptLinker::read_raises(HostNs until) {
  for (const DatedRaise* raise = raises_.peek(); raise != nullptr && raise->at <= until;
       raise = raises_.peek()) {
    if (marks_.size() == kMaxMarks) marks_.pop_front();
    marks_.push_back({{std::max(raise->at, begin_), LinkedBy::vmm_mark},
                      raise->tid,
                      source_of(raise->kind, raise->gsi_or_vector),
                      raise->kind,
                      raise->gsi_or_vector});
    raises_.pop();
  }
}

void InterruptLinker::set_irq(HostNs at, std::uint32_t tid) {
  if (tracepoints_.size() == kMaxThreads) tracepoints_.clear();
  tracepoints_[tid] = {{at, LinkedBy::tracepoint}, tid, InterruptSource::line};
}

void InterruptLinker::msi_set_irq(HostNs at, std::uint32_t tid) {
  if (tracepoints_.size() == kMaxThreads) tracepoints_.clear();
  tracepoints_[tid] = {{at, LinkedBy::tracepoint}, tid, InterruptSource::msi};
}

// What this thread did that led to the acceptance. Marks of it that are older led to none: the line was up
// already.
std::optional<InterruptLinker::Raise> InterruptLinker::take_raise_of_thread(std::uint32_t tid, HostNs at) {
  read_raises(HostNs{at.value + std::min(clock_bound_ns_, ~at.value)});
  std::optional<Raise> raise;
  if (const auto traced = tracepoints_.find(tid); traced != tracepoints_.end()) {
    raise = traced->second;
    tracepoints_.erase(traced);
  }
  const auto of_thread = [tid](const Raise& mark) { return mark.tid == tid; };
  const auto mark = std::find_if(marks_.rbegin(), marks_.rend(), of_thread);
  if (mark != marks_.rend()) {
    raise = *mark;
    std::erase_if(marks_, of_thread);
  }
  return raise;
}

// Where the VMM has the irqchip no thread leads from raising to injecting: the mark names the vector, or the
// lines (on the paravirtual paths: event channels) that are up are taken to be meant. All that were raised
// until now are one interrupt.
std::optional<InterruptLinker::Raise> InterruptLinker::take_raises_of_vector(std::uint32_t vector,
                                                                             std::uint32_t& coalesced) {
  const auto names = [vector](const Raise& mark) {
    const auto kind = static_cast<vmm::RaiseKind>(mark.mark_kind);
    return kind != vmm::RaiseKind::line && kind != vmm::RaiseKind::event_channel &&
           mark.gsi_or_vector == vector;
  };
  const auto is_of_kind = [vector](const Raise& mark) {
    const auto wanted = vector == GUEST_VECTOR_EVENT ? vmm::RaiseKind::event_channel : vmm::RaiseKind::line;
    return static_cast<vmm::RaiseKind>(mark.mark_kind) == wanted;
  };
  const auto take = [&](const auto& meant, LinkedBy by) -> std::optional<Raise> {
    const auto oldest = std::find_if(marks_.begin(), marks_.end(), meant);
    if (oldest == marks_.end()) return std::nullopt;
    Raise raise = *oldest;
    raise.point.by = by;
    coalesced = static_cast<std::uint32_t>(std::erase_if(marks_, meant)) - 1;
    return raise;
  };
  if (auto raise = take(names, LinkedBy::vmm_mark)) return raise;
  return take(is_of_kind, LinkedBy::order);
}

void InterruptLinker::set_raised(Story& story, const Raise& raise) {
  story.interrupt.link(Link::raised) = raise.point;
  story.interrupt.raised_by_tid = raise.tid;
  story.interrupt.source = raise.source;
}

void InterruptLinker::take_raises(Story& story) {
  std::uint32_t coalesced = 0;
  const auto raise = take_raises_of_vector(story.interrupt.vector, coalesced);
  if (!raise) return;
  set_raised(story, *raise);
  story.interrupt.coalesced += coalesced;
}

// The cycle of the vCPU in whose thread it was accepted tells what that thread was about.
void InterruptLinker::find_source(Story& story, const Exit& exit) {
  Interrupt& interrupt = story.interrupt;
  story.awaits_source = false;
  if (sends_ipi(exit)) {
    interrupt.source = InterruptSource::ipi;
    interrupt.link(Link::raised) = {exit.exit, LinkedBy::exit};
    return;
  }
  if (interrupt.raised_by_vcpu != interrupt.vcpu) return;
  interrupt.source = InterruptSource::timer;
  const HostNs accepted = interrupt.link(Link::accepted).at;
  if (exit.halts) {
    const std::vector<HostNs>& wakings = of(interrupt.vcpu).wakings;
    const auto waking =
        std::find_if(wakings.rbegin(), wakings.rend(), [&](HostNs at) { return at <= accepted; });
    if (waking != wakings.rend()) interrupt.link(Link::raised) = {*waking, LinkedBy::waking};
  } else if (exit.what->cause == Cause::async) {
    interrupt.link(Link::raised) = {exit.exit, LinkedBy::exit};
  }
}

// ---- On its way
// --------------------------------------------------------------------------------------------------

// KVM says of a posted interrupt both that its LAPIC accepted it and, next in that thread, that it was
// posted.
bool InterruptLinker::mark_posted(const Acceptance& posted) {
  const auto last = last_accepted_.find(posted.tid);
  if (last == last_accepted_.end()) return false;
  const LastAccepted before = last->second;
  last_accepted_.erase(last);
  if (before.target != posted.target || before.vector != posted.vector) return false;
  const auto found = stories_.find(before.story);
  if (found != stories_.end()) set_posted(found->second);
  return true;
}

// Nothing more will be seen of it, but for the guest's own stamps.
void InterruptLinker::set_posted(Story& story) {
  story.interrupt.posted = true;
  if (has_stamps_) return;
  std::erase(of(story.interrupt.vcpu).pending, &story);
  end_story(story);
}

void InterruptLinker::accepted(const Acceptance& acceptance) {
  if (acceptance.posted && mark_posted(acceptance)) return;
  OfVcpu& target = of(acceptance.target);
  target.accepts = true;
  const auto raise = take_raise_of_thread(acceptance.tid, acceptance.at);
  for (Story* pending : target.pending) {
    if (pending->interrupt.vector != acceptance.vector) continue;
    ++pending->interrupt.coalesced;
    remember(acceptance, pending->interrupt.id);
    return;
  }
  Story& story = new_story(acceptance.target, acceptance.vector, InterruptSource::unknown);
  story.needs_acceptance = true;
  story.needs_injection = true;
  story.interrupt.raised_by_tid = acceptance.tid;
  story.interrupt.raised_by_vcpu = acceptance.thread_vcpu;
  story.interrupt.link(Link::accepted) = {acceptance.at, LinkedBy::tracepoint};
  if (raise) {
    set_raised(story, *raise);
  } else if (acceptance.thread_vcpu) {
    story.awaits_source = true;
    of(*acceptance.thread_vcpu).accepted_here.push_back(&story);
  }
  target.pending.push_back(&story);
  target.kicks.push_back(&story);
  remember(acceptance, story.interrupt.id);
  if (acceptance.posted) set_posted(story);
}

void InterruptLinker::remember(const Acceptance& acceptance, InterruptId story) {
  if (last_accepted_.size() == kMaxThreads) last_accepted_.clear();
  last_accepted_[acceptance.tid] = {acceptance.target, acceptance.vector, story};
}

void InterruptLinker::waking(std::uint16_t vcpu, HostNs at) {
  of(vcpu).wakings.push_back(at);
}

void InterruptLinker::cycle(std::uint16_t vcpu, const Exit& exit) {
  OfVcpu& state = of(vcpu);
  for (Story* story : state.kicks) {
    Interrupt& interrupt = story->interrupt;
    const HostNs accepted = interrupt.link(Link::accepted).at;
    const auto waking =
        std::find_if(state.wakings.begin(), state.wakings.end(), [&](HostNs at) { return at >= accepted; });
    if (exit.exit > accepted) {
      interrupt.link(Link::kicked) = {exit.exit, LinkedBy::exit};
    } else if (waking != state.wakings.end()) {
      interrupt.link(Link::kicked) = {*waking, LinkedBy::waking};
    }
  }
  for (Story* story : state.accepted_here) {
    find_source(*story, exit);
    // A timer's own interrupt took the vCPU out of the guest, or woke it, before KVM looked at the timer.
    Interrupt& interrupt = story->interrupt;
    if (interrupt.source == InterruptSource::timer && !interrupt.link(Link::kicked).seen()) {
      interrupt.link(Link::kicked) = interrupt.link(Link::raised);
    }
    if (story->ended && !story->awaits_exit) hand_on(*story);
  }
  state.accepted_here.clear();
  for (Story* story : state.unexplained) {
    story->awaits_exit = false;
    if (story->ended) hand_on(*story);
  }
  state.unexplained.clear();
  state.twice.clear();
  // One that was pending in the whole of the cycle, and is not injected at its end, could not be taken yet.
  for (Story* story : state.pending) {
    if (story->interrupt.link(Link::accepted).at <= exit.exit) ++story->interrupt.entries_masked;
  }
}

void InterruptLinker::entered(std::uint16_t vcpu, HostNs at) {
  OfVcpu& state = of(vcpu);
  state.last_entry = at;
  state.wakings.clear();
  std::erase_if(state.kicks,
                [at](const Story* story) { return story->interrupt.link(Link::accepted).at <= at; });
}

InterruptLinker::Story* InterruptLinker::take_pending(OfVcpu& vcpu, std::uint32_t vector) {
  const auto found = std::find_if(vcpu.pending.begin(), vcpu.pending.end(),
                                  [&](const Story* story) { return story->interrupt.vector == vector; });
  if (found == vcpu.pending.end()) return nullptr;
  Story* story = *found;
  vcpu.pending.erase(found);
  return story;
}

InterruptLinker::Story* InterruptLinker::awaiting_isr(OfVcpu& vcpu, std::uint32_t vector) {
  const auto found = std::find_if(vcpu.open.rbegin(), vcpu.open.rend(), [&](const Story* story) {
    return story->interrupt.vector == vector && !story->interrupt.link(Link::isr_entry).seen();
  });
  return found == vcpu.open.rend() ? nullptr : *found;
}

// Whose ISR, entered before its handler's first instruction had run, has returned there.
InterruptLinker::Story* InterruptLinker::returned_to_entry(OfVcpu& vcpu, std::uint32_t vector) {
  Story* story = latest(vcpu.open, vector);
  return story != nullptr && story->entries_due != 0 ? story : nullptr;
}

InterruptLinker::Story* InterruptLinker::latest(const std::vector<Story*>& stories, std::uint32_t vector) {
  const auto found = std::find_if(stories.rbegin(), stories.rend(),
                                  [vector](const Story* story) { return story->interrupt.vector == vector; });
  return found == stories.rend() ? nullptr : *found;
}

void InterruptLinker::delivered_twice(std::uint16_t vcpu, std::uint32_t vector) {
  OfVcpu& state = of(vcpu);
  if (std::find(state.twice.begin(), state.twice.end(), vector) != state.twice.end()) return;
  Story* story = latest(state.unexplained, vector);
  if (story == nullptr) story = latest(state.open, vector);
  if (story == nullptr) return;
  ++story->interrupt.delivered_twice;
  state.twice.push_back(vector);
}

void InterruptLinker::open_story(OfVcpu& vcpu, Story& story) {
  if (vcpu.open.size() == kMaxOpen) end_story(*vcpu.open.front());
  vcpu.open.push_back(&story);
}

InterruptId InterruptLinker::injected(std::uint16_t vcpu, const Injection& injection, EventType type,
                                      const Exit* exit) {
  OfVcpu& state = of(vcpu);
  Story* earlier = awaiting_isr(state, injection.vector);
  if (injection.reinjected && earlier != nullptr) {
    ++earlier->interrupt.reinjections;
    return earlier->interrupt.id;
  }
  // One of the vector that has not reached its ISR yet will not.
  if (earlier != nullptr) end_story(*earlier);

  const InterruptSource source = source_of_event(type);
  Story* story = type == EventType::interrupt ? take_pending(state, injection.vector) : nullptr;
  if (story != nullptr) {
    if (story->interrupt.entries_masked > 0) --story->interrupt.entries_masked;  // this entry takes it
  } else {
    story = &new_story(vcpu, injection.vector, source);
    story->needs_acceptance = state.accepts;
    story->needs_injection = true;
    if (type == EventType::interrupt && !state.accepts) {
      read_raises(HostNs{injection.at.value + std::min(clock_bound_ns_, ~injection.at.value)});
      take_raises(*story);
    } else if (source != InterruptSource::unknown && exit != nullptr) {
      story->interrupt.link(Link::raised) = {exit->exit, LinkedBy::exit};
    }
  }
  const InterruptId id = story->interrupt.id;
  story->interrupt.link(Link::injected) = {injection.at, LinkedBy::entry};
  open_story(state, *story);
  if (!has_stamps_ && !story->interrupt.external()) end_story(*story);
  return id;
}

// The VMM enters the guest kernel's handler itself: by that, or after it has injected what only led to its
// own monitor.
void InterruptLinker::vmm_step(std::uint16_t vcpu, const VmmStep& step, const Exit& exit) {
  OfVcpu& state = of(vcpu);
  if (static_cast<vmm::VmmStep>(step.step) == vmm::VmmStep::drop_second_delivery) {
    delivered_twice(vcpu, step.vector);
    return;
  }
  if (static_cast<vmm::VmmStep>(step.step) != vmm::VmmStep::enter_handler) return;
  if (awaiting_isr(state, step.vector) != nullptr) return;
  Story& story = new_story(vcpu, step.vector, source_of_vector(step.vector));
  story.needs_injection = true;
  if (story.interrupt.source == InterruptSource::unknown) {
    read_raises(step.end);
    take_raises(story);
  } else {
    story.interrupt.link(Link::raised) = {exit.exit, LinkedBy::exit};
  }
  story.interrupt.link(Link::injected) = {step.end, LinkedBy::vmm_step};
  open_story(state, story);
}

void InterruptLinker::eoi(std::uint16_t vcpu, HostNs at, std::uint32_t vector, bool by_exit) {
  OfVcpu& state = of(vcpu);
  const auto found = std::find_if(state.open.rbegin(), state.open.rend(), [&](const Story* story) {
    return story->interrupt.vector == vector && !story->kvm_saw_eoi;
  });
  if (found == state.open.rend()) return;
  Story& story = **found;
  story.kvm_saw_eoi = true;
  story.interrupt.eoi_exit = by_exit;
  if (!story.interrupt.link(Link::eoi).seen())  // the guest's own stamp is the better one
    story.interrupt.link(Link::eoi) = {at, LinkedBy::tracepoint};
  if (!has_stamps_) end_story(story);
}

// ---- In the guest
// ----------------------------------------------------------------------------------------------

InterruptId InterruptLinker::isr_entered(std::uint16_t vcpu, const Isr& isr) {
  OfVcpu& state = of(vcpu);
  Story* story = returned_to_entry(state, isr.vector);
  if (story != nullptr) {
    --story->entries_due;
  } else {
    story = awaiting_isr(state, isr.vector);
  }
  if (story == nullptr) {
    story = take_pending(state, isr.vector);
    if (story == nullptr) {
      // The guest's own doing, through its own IDT: or an event that its monitor held back.
      story = &new_story(vcpu, isr.vector, source_of_vector(isr.vector));
      if (isr.vector == GUEST_VECTOR_EVENT) {
        read_raises(isr.entry);
        take_raises(*story);
      } else if (story->interrupt.source == InterruptSource::unknown) {
        story->awaits_exit = true;
        state.unexplained.push_back(story);
      }
    }
    open_story(state, *story);
  }
  if (isr.again) {
    ++story->entries_due;
    ++story->interrupt.delivered_twice;
    state.twice.push_back(isr.vector);
  }
  if (story->interrupt.link(Link::isr_entry).seen()) return story->interrupt.id;
  story->interrupt.link(Link::isr_entry) = {isr.entry, LinkedBy::guest_stamp};
  story->interrupt.depth = isr.depth;
  return story->interrupt.id;
}

void InterruptLinker::isr_eoi(std::uint16_t /*vcpu*/, const Isr& isr) {
  const auto story = stories_.find(isr.interrupt);
  if (story == stories_.end() || !isr.eoi) return;
  LinkPoint& eoi = story->second.interrupt.link(Link::eoi);
  if (eoi.by != LinkedBy::guest_stamp)
    eoi = {*isr.eoi, LinkedBy::guest_stamp};  // the first ends the interrupt
}

void InterruptLinker::isr_left(std::uint16_t /*vcpu*/, const Isr& isr) {
  const auto story = stories_.find(isr.interrupt);
  if (story == stories_.end() || story->second.ended) return;
  if (isr.complete) story->second.interrupt.link(Link::iret) = {isr.iret, LinkedBy::guest_stamp};
  if (story->second.entries_due == 0) end_story(story->second);
}

}  // namespace trapline::tracer
