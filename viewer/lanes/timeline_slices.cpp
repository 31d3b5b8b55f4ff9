#include "viewer/lanes/timeline_slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "tracer/exits/user_exits.h"
#include "tracer/exits/vectors.h"
#include "vmm/guest/abi.h"
#include "vmm/steps.h"

namespace trapline::viewer {
namespace {

using tracer::Exit;
using tracer::Injection;
using tracer::Interrupt;
using tracer::Isr;
using tracer::Link;
using tracer::LinkedBy;
using tracer::StateSlice;
using tracer::VmmStep;
using tracer::WorkloadEvent;

constexpr std::size_t kVcpuLanes = 6;  // those that each vCPU has one of
constexpr std::array<std::string_view, kVcpuLanes> kLaneNames = {"state",      "exits",     "VMM",
                                                                 "injections", "guest ISR", "guest workload"};
constexpr std::uint32_t kFirstPendingRank = 100;
constexpr std::size_t kMaxRaiseLanes = 4096;
constexpr std::size_t kMaxStepLabels = std::size_t{1} << 16;
// How far stories end, and are told, in another order than they began or were injected. More than handlers
// nest.
constexpr std::size_t kHeldStories = 256;
constexpr std::size_t kHeldInjections = 256;

bool happened_by_entry(const Interrupt& interrupt) {
  return interrupt.link(Link::injected).by == LinkedBy::entry;
}

bool raised_by_thread(const Interrupt& interrupt) {
  return interrupt.external() && interrupt.link(Link::raised).seen() && interrupt.raised_by_tid != 0 &&
         !interrupt.raised_by_vcpu;
}

// The time from being raised, or, where nothing tells of that, accepted, until it was injected, or, where
// hardware delivered it, its ISR began.
struct Wait {
  HostNs begin;
  HostNs end;

  // An arrow cannot lead from a slice to one that begins with it: viewers take the longer one first.
  [[nodiscard]] HostNs slice_begin(bool after_raise) const {
    return std::min(end, HostNs{begin.value + (after_raise ? 1 : 0)});
  }
};

std::optional<Wait> wait_of(const Interrupt& interrupt) {
  if (!interrupt.external()) return std::nullopt;
  const auto& raised = interrupt.link(Link::raised);
  const auto& from = raised.seen() ? raised : interrupt.link(Link::accepted);
  const auto& injected = interrupt.link(Link::injected);
  const auto& until = injected.seen() ? injected : interrupt.link(Link::isr_entry);
  if (!from.seen() || !until.seen() || until.at < from.at) return std::nullopt;
  return Wait{from.at, until.at};
}

}  // namespace

struct TimelineSlices::OfVcpu {
  struct VmmSlice {
    HostNs begin;
    HostNs end;
    Label name = 0;
    Label key = 0;
    bool is_step = false;
    VmmStep step;
  };

  tracer::VcpuOfVm identity;
  std::array<const Lane*, kVcpuLanes> lanes{};
  Sequence states;
  Sequence exits;
  Nesting vmm;
  Sequence injections;
  Nesting workload;
  std::map<std::uint32_t, FlatLane> pending;  // by vector
  std::vector<VmmSlice> vmm_slices;       // of the last exit: its steps may lie before its stay in the VMM
  std::deque<Injection> held_injections;  // until it is known how their stories began, and what follows
};

TimelineSlices::TimelineSlices(Labels& labels, SliceWriter& writer)
    : labels_(labels),
      writer_(writer),
      vector_labels_(kOtherVector + 1),
      open_label_(labels.label("no entry was seen after this exit")),
      handler_label_(labels.label("handler")) {
  for (std::size_t i = 0; i < state_labels_.size(); ++i)
    state_labels_[i] = labels.label(tracer::state_name(static_cast<tracer::State>(i)));
  for (std::size_t i = 0; i < source_labels_.size(); ++i)
    source_labels_[i] = labels.label(tracer::source_name(static_cast<tracer::InterruptSource>(i)));
  for (std::size_t i = 0; i < linked_by_labels_.size(); ++i)
    linked_by_labels_[i] = labels.label(tracer::linked_by_name(static_cast<LinkedBy>(i)));
}

TimelineSlices::~TimelineSlices() = default;

// --- Lanes

TimelineSlices::OfVcpu& TimelineSlices::of(std::uint16_t vcpu) {
  if (vcpu >= vcpus_.size()) vcpus_.resize(std::size_t{vcpu} + 1);
  auto& found = vcpus_[vcpu];
  if (!found) {
    found = std::make_unique<OfVcpu>();
    found->identity = head_.machines.vcpu(vcpu);
  }
  return *found;
}

const Lane& TimelineSlices::new_lane(LaneKind kind, std::uint16_t vm, std::optional<std::uint16_t> vcpu,
                                     std::uint32_t rank, std::string name) {
  const auto index = static_cast<std::uint32_t>(lanes_.size());
  lanes_.push_back({index, kind, vm, vcpu, rank, std::move(name)});
  writer_.lane(lanes_.back());
  return lanes_.back();
}

const Lane& TimelineSlices::lane(OfVcpu& vcpu, LaneKind kind) {
  const auto place = static_cast<std::size_t>(kind);
  const Lane*& found = vcpu.lanes[place];
  if (found == nullptr) {
    found = &new_lane(kind, vcpu.identity.vm, vcpu.identity.vcpu_id, static_cast<std::uint32_t>(place),
                      std::string(kLaneNames[place]));
  }
  return *found;
}

TimelineSlices::FlatLane& TimelineSlices::pending_lane(const Interrupt& interrupt) {
  const std::uint32_t vector = std::min(interrupt.vector, kOtherVector);
  OfVcpu& vcpu = of(interrupt.vcpu);
  FlatLane& found = vcpu.pending[vector];
  if (found.lane == nullptr) {
    const auto name = labels_.text(labels_of_vector(vector).pending);
    found.lane = &new_lane(LaneKind::pending, vcpu.identity.vm, vcpu.identity.vcpu_id,
                           kFirstPendingRank + vector, std::string(name));
  }
  return found;
}

TimelineSlices::FlatLane& TimelineSlices::raise_lane(std::uint16_t vm, std::uint32_t tid) {
  const auto known = raise_lanes_.find({vm, tid});
  if (known != raise_lanes_.end()) return known->second;
  if (raise_lanes_.size() >= kMaxRaiseLanes) tid = 0;
  FlatLane& lane = raise_lanes_[{vm, tid}];
  if (lane.lane == nullptr) {
    lane.lane = &new_lane(LaneKind::raises, vm, std::nullopt, static_cast<std::uint32_t>(raise_lanes_.size()),
                          tid == 0 ? "raised by other threads" : fmt::format("raised by thread {}", tid));
  }
  return lane;
}

// --- Names

const TimelineSlices::KindLabels& TimelineSlices::labels_of(const tracer::ExitDescription& what) {
  if (what.index >= kind_labels_.size()) kind_labels_.resize(std::size_t{what.index} + 1);
  KindLabels& found = kind_labels_[what.index];
  if (!found.known) {
    found = {true, labels_.label(what.reason), labels_.label(what.key),
             labels_.label(tracer::cause_name(what.cause))};
  }
  return found;
}

const TimelineSlices::VectorLabels& TimelineSlices::labels_of_vector(std::uint32_t vector) {
  VectorLabels& found = vector_labels_[std::min(vector, kOtherVector)];
  if (!found.known) {
    const std::string name = vector >= kOtherVector ? "other" : tracer::vector_name(vector);
    found.known = true;
    found.inject = labels_.label("inject " + name);
    found.reinject = labels_.label("re-inject " + name);
    found.isr = labels_.label(vector == GUEST_VECTOR_SYSCALL ? "syscall" : "ISR " + name);
    found.pending = labels_.label("pending " + name);
    found.raise = labels_.label("raise " + name);
  }
  return found;
}

Label TimelineSlices::user_exit_label(std::uint16_t reason) {
  const auto [found, is_new] = user_exit_labels_.try_emplace(reason);
  if (is_new) found->second = labels_.label(tracer::user_exit_name(reason));
  return found->second;
}

Label TimelineSlices::step_label(const VmmStep& step) {
  const auto kind = static_cast<vmm::VmmStep>(step.step);
  const std::uint32_t step_and_vector = std::uint32_t{step.step} << 16 | step.vector;
  const auto [tells_arg, is_new_kind] = step_tells_arg_.try_emplace(step_and_vector);
  if (is_new_kind) {
    tells_arg->second = vmm::describe_step(kind, step.vector, 0) != vmm::describe_step(kind, step.vector, 1);
  }
  const StepKey key{tells_arg->second ? step.arg : 0, step_and_vector};
  if (const auto known = step_labels_.find(key); known != step_labels_.end()) return known->second;
  // The guest chooses the numbers: it could choose another one each time.
  if (step_labels_.size() >= kMaxStepLabels) return labels_.label("step");
  const Label label = labels_.label(vmm::describe_step(kind, step.vector, step.arg));
  step_labels_.emplace(key, label);
  return label;
}

Label TimelineSlices::workload_label(std::uint16_t workload) {
  const auto [found, is_new] = workload_labels_.try_emplace(workload);
  if (is_new) found->second = labels_.label(head_.workload_name(workload));
  return found->second;
}

Label TimelineSlices::missing_label(std::uint8_t links) {
  const auto [found, is_new] = missing_labels_.try_emplace(links);
  if (is_new) {
    std::string text;
    for (std::size_t i = 0; i < tracer::kLinks; ++i) {
      if ((links >> i & 1) == 0) continue;
      if (!text.empty()) text += ' ';
      text += tracer::link_name(static_cast<Link>(i));
    }
    found->second = labels_.label(text);
  }
  return found->second;
}

Label TimelineSlices::linked_by_label(const tracer::LinkPoint& point) {
  return linked_by_labels_[static_cast<std::size_t>(point.by)];
}

// --- Slices

void TimelineSlices::write(const Lane& lane, Label name, HostNs begin, HostNs end, std::span<const Arg> args,
                           FlowPart part, tracer::InterruptId story) {
  writer_.slice({&lane, name, begin, end, args, part, story});
}

void TimelineSlices::begin(const tracer::TimelineHead& head) {
  head_ = head;
  writer_.begin(head);
}

void TimelineSlices::state(std::uint16_t vcpu, const StateSlice& slice) {
  OfVcpu& of_vcpu = of(vcpu);
  HostNs begin = slice.begin;
  HostNs end = slice.end;
  of_vcpu.states.fit(begin, end);
  write(lane(of_vcpu, LaneKind::states), state_labels_[static_cast<std::size_t>(slice.state)], begin, end);
}

void TimelineSlices::exit(std::uint16_t vcpu, const Exit& exit) {
  OfVcpu& of_vcpu = of(vcpu);
  const KindLabels& labels = labels_of(*exit.what);
  HostNs begin = exit.exit;
  HostNs end = exit.entry;
  of_vcpu.exits.fit(begin, end);
  std::array args = {Arg::text(ArgName::key, labels.key),
                     Arg::text(ArgName::cause, labels.cause),
                     Arg::address(ArgName::info1, exit.record.info1),
                     Arg::address(ArgName::info2, exit.record.info2),
                     Arg::address(ArgName::rip, exit.record.rip),
                     Arg::text(ArgName::open, open_label_)};
  std::size_t count = args.size() - 2;
  if ((exit.record.flags & TRL_NO_RIP) == 0) ++count;
  if (exit.open) args[count++] = Arg::text(ArgName::open, open_label_);
  write(lane(of_vcpu, LaneKind::exits), labels.reason, begin, end, std::span(args).first(count));

  if (!of_vcpu.vmm_slices.empty()) write_vmm(of_vcpu);
  if (!exit.vmm_begin || !exit.vmm_end) return;
  of_vcpu.vmm_slices.push_back(
      {*exit.vmm_begin, *exit.vmm_end, user_exit_label(exit.record.user_reason), labels.key, false, {}});
}

void TimelineSlices::step(std::uint16_t vcpu, const VmmStep& step) {
  of(vcpu).vmm_slices.push_back({step.begin, step.end, step_label(step), 0, true, step});
}

void TimelineSlices::write_vmm(OfVcpu& vcpu) {
  // Of slices that begin together the longer one holds the other.
  std::ranges::stable_sort(vcpu.vmm_slices, [](const auto& a, const auto& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  const Lane& on = lane(vcpu, LaneKind::vmm);
  for (auto& slice : vcpu.vmm_slices) {
    vcpu.vmm.fit(slice.begin, slice.end);
    if (slice.is_step) {
      const std::array args = {Arg::count(ArgName::step, slice.step.step),
                               Arg::address(ArgName::vector, slice.step.vector),
                               Arg::address(ArgName::arg, slice.step.arg)};
      write(on, slice.name, slice.begin, slice.end, args);
    } else {
      const std::array args = {Arg::text(ArgName::key, slice.key)};
      write(on, slice.name, slice.begin, slice.end, args);
    }
  }
  vcpu.vmm_slices.clear();
}

void TimelineSlices::event(std::uint16_t vcpu, const WorkloadEvent& event) {
  OfVcpu& of_vcpu = of(vcpu);
  const Lane& on = lane(of_vcpu, LaneKind::workload);
  HostNs begin = event.u0;
  HostNs end = event.u3;
  of_vcpu.workload.fit(begin, end);
  const std::array args = {Arg::count(ArgName::iteration, event.iteration),
                           Arg::count(ArgName::user_exits, event.user_exits),
                           Arg::count(ArgName::kernel_exits, event.kernel_exits),
                           Arg::count(ArgName::async_exits, event.async_exits)};
  write(on, workload_label(event.workload), begin, end, args);
  if (!event.k1 || !event.k2) return;
  begin = *event.k1;
  end = *event.k2;
  of_vcpu.workload.fit(begin, end);
  const Label name =
      event.handler_vcpu
          ? labels_.label(fmt::format("handler on vCPU {}", head_.machines.vcpu(*event.handler_vcpu).vcpu_id))
          : handler_label_;
  write(on, name, begin, end);
}

// --- Stories

void TimelineSlices::injection(std::uint16_t vcpu, const Injection& injection) {
  OfVcpu& of_vcpu = of(vcpu);
  of_vcpu.held_injections.push_back(injection);
  release_injections(of_vcpu, false);
}

// The last one is kept: it lasts no longer than until the next.
void TimelineSlices::release_injections(OfVcpu& vcpu, bool all) {
  auto& held = vcpu.held_injections;
  while (held.size() > 1) {
    const Injection& first = held.front();
    const bool known = first.interrupt == tracer::kNoInterrupt || stories_.of(first.interrupt).told;
    if (!all && !known && held.size() <= kHeldInjections) return;
    write_injection(vcpu, first, held[1].at);
    held.pop_front();
  }
  if (!all || held.empty()) return;
  write_injection(vcpu, held.front(), HostNs{~std::uint64_t{0}});
  held.pop_front();
}

// It lasts from the entry that delivers it until its ISR stamps its own entry.
void TimelineSlices::write_injection(OfVcpu& vcpu, const Injection& injection, HostNs next) {
  const VectorLabels& labels = labels_of_vector(injection.vector);
  HostNs begin = injection.at;
  HostNs end = std::min(injection.isr_entry.value_or(begin), next);
  vcpu.injections.fit(begin, end);
  FlowPart part = FlowPart::none;
  if (injection.interrupt != tracer::kNoInterrupt) {
    Stories::Story& story = stories_.of(injection.interrupt);
    part = story.pends || story.has_first ? FlowPart::middle : FlowPart::first;
    story.has_first = true;
  }
  const std::array args = {Arg::count(ArgName::story, injection.interrupt),
                           Arg::address(ArgName::vector, injection.vector),
                           Arg::flag(ArgName::exception, injection.exception)};
  write(lane(vcpu, LaneKind::injections), injection.reinjected ? labels.reinject : labels.inject, begin, end,
        args, part, injection.interrupt);
}

void TimelineSlices::isr_entered(std::uint16_t vcpu, const Isr& isr) {
  writer_.opened(
      {&lane(of(vcpu), LaneKind::isrs), labels_of_vector(isr.vector).isr, isr.entry, isr.entry, {}});
}

void TimelineSlices::isr(std::uint16_t vcpu, const Isr& isr) {
  FlowPart part = FlowPart::none;
  if (isr.interrupt != tracer::kNoInterrupt) {
    // One that was not told yet only waits to hear who raised it: so it was accepted, and pended. A stamp may
    // be dated before the injection, within the clock's error: an arrow cannot lead back.
    const Stories::Story& story = stories_.of(isr.interrupt);
    const bool leads_here = !story.told || story.pends || story.injected.value != 0;
    if (leads_here && isr.entry >= story.injected) part = FlowPart::last;
  }
  const std::uint64_t eoi_after = isr.eoi && *isr.eoi > isr.entry ? isr.eoi->value - isr.entry.value : 0;
  const std::array args = {Arg::count(ArgName::story, isr.interrupt), Arg::count(ArgName::depth, isr.depth),
                           Arg::flag(ArgName::complete, isr.complete),
                           Arg::count(ArgName::eoi_after_ns, eoi_after)};
  const std::size_t without_eoi = args.size() - 1;
  writer_.closed({&lane(of(vcpu), LaneKind::isrs), labels_of_vector(isr.vector).isr, isr.entry, isr.iret,
                  std::span(args).first(isr.eoi ? args.size() : without_eoi), part, isr.interrupt});
}

void TimelineSlices::interrupt(const Interrupt& interrupt) {
  Stories::Story& story = stories_.of(interrupt.id);
  const auto wait = wait_of(interrupt);
  const bool by_thread = raised_by_thread(interrupt);
  story.told = true;
  if (happened_by_entry(interrupt)) story.injected = interrupt.link(Link::injected).at;
  // An injection that was written already began the arrows.
  story.pends = wait && wait->slice_begin(by_thread) < wait->end && !story.has_first;
  if (wait || by_thread) hold_story(interrupt);
  release_injections(of(interrupt.vcpu), false);
}

void TimelineSlices::hold_story(const Interrupt& interrupt) {
  if (held_order_.size() == kHeldStories) release_story();
  std::uint32_t place = 0;
  if (free_places_.empty()) {
    place = static_cast<std::uint32_t>(held_stories_.size());
    held_stories_.push_back(interrupt);
  } else {
    place = free_places_.back();
    free_places_.pop_back();
    held_stories_[place] = interrupt;
  }
  held_order_.emplace_back(interrupt.begin(), place);
  std::ranges::push_heap(held_order_, std::greater{});
}

void TimelineSlices::release_story() {
  std::ranges::pop_heap(held_order_, std::greater{});
  const std::uint32_t place = held_order_.back().second;
  held_order_.pop_back();
  free_places_.push_back(place);
  write_story(held_stories_[place]);
}

void TimelineSlices::write_story(const Interrupt& interrupt) {
  const VectorLabels& labels = labels_of_vector(interrupt.vector);
  const Arg id = Arg::count(ArgName::story, interrupt.id);
  const Arg source = Arg::text(ArgName::source, source_labels_[static_cast<std::size_t>(interrupt.source)]);
  const auto& raised = interrupt.link(Link::raised);
  const auto& accepted = interrupt.link(Link::accepted);
  const bool pends = stories_.of(interrupt.id).pends;
  const bool by_thread = raised_by_thread(interrupt);
  if (by_thread) {
    FlatLane& on = raise_lane(of(interrupt.vcpu).identity.vm, interrupt.raised_by_tid);
    HostNs begin = raised.at;
    HostNs end = accepted.seen() ? std::max(accepted.at, begin) : begin;
    on.sequence.fit(begin, end);
    const std::array args = {id, source, Arg::count(ArgName::vcpu, of(interrupt.vcpu).identity.vcpu_id),
                             Arg::text(ArgName::raised, linked_by_label(raised))};
    write(*on.lane, labels.raise, begin, end, args, pends ? FlowPart::first : FlowPart::none, interrupt.id);
  }
  const auto wait = wait_of(interrupt);
  if (!wait) return;
  FlatLane& on = pending_lane(interrupt);
  HostNs begin = wait->slice_begin(by_thread);
  HostNs end = wait->end;
  on.sequence.fit(begin, end);
  const std::array args = {id,
                           source,
                           Arg::text(ArgName::raised, linked_by_label(raised)),
                           Arg::text(ArgName::accepted, linked_by_label(accepted)),
                           Arg::text(ArgName::kicked, linked_by_label(interrupt.link(Link::kicked))),
                           Arg::count(ArgName::pending_ns, wait->end.value - wait->begin.value),
                           Arg::count(ArgName::coalesced, interrupt.coalesced),
                           Arg::count(ArgName::reinjections, interrupt.reinjections),
                           Arg::count(ArgName::delivered_twice, interrupt.delivered_twice),
                           Arg::count(ArgName::entries_masked, interrupt.entries_masked),
                           Arg::flag(ArgName::posted, interrupt.posted),
                           Arg::text(ArgName::missing, missing_label(interrupt.missing))};
  const std::size_t complete_args = args.size() - 1;
  const FlowPart part = !pends ? FlowPart::none : by_thread ? FlowPart::middle : FlowPart::first;
  write(*on.lane, labels.pending, begin, end,
        std::span(args).first(interrupt.complete() ? complete_args : args.size()), part, interrupt.id);
}

void TimelineSlices::end(HostNs /*end*/) {
  for (const auto& vcpu : vcpus_) {
    if (!vcpu) continue;
    if (!vcpu->vmm_slices.empty()) write_vmm(*vcpu);
    release_injections(*vcpu, true);
  }
  while (!held_order_.empty())
    release_story();
  writer_.end();
}

}  // namespace trapline::viewer
