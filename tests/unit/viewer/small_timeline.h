// A few items of every kind, handed to a sink in an order in which a recording would hand them.
#pragma once

#include <deque>
#include <string>

#include "tracer/timeline/sink.h"
#include "viewer/output/string_sink.h"
#include "vmm/steps.h"

namespace trapline::viewer::test {

using viewer::StringSink;

inline tracer::ExitDescription described(std::uint32_t index, std::string reason, std::string key) {
  tracer::ExitDescription what;
  what.reason = std::move(reason);
  what.key = std::move(key);
  what.index = index;
  return what;
}

inline tracer::VmmStep step_at(std::uint64_t begin, std::uint64_t end, vmm::VmmStep step,
                               std::uint16_t vector, std::uint64_t arg) {
  return {HostNs{begin}, HostNs{end}, static_cast<std::uint16_t>(step), vector, arg, 0};
}

inline tracer::LinkPoint link_at(std::uint64_t ns, tracer::LinkedBy by) {
  return {HostNs{ns}, by};
}

// vCPUs 0 and 1 of the recording are KVM's 5 and 0, of two VMs of which one has a name.
inline tracer::RecordedVms two_vms() {
  tracer::RecordedVms machines;
  machines.vms.push_back({HostNs{}, 2, 4200, recording::VmNamedBy::command_line, "debian"});
  machines.vms.push_back({HostNs{}, 3, 4300, recording::VmNamedBy::nothing, ""});
  machines.vcpus = {{0, {2, 5}}, {1, {3, 0}}};
  return machines;
}

// On vCPU 0 an exit to the VMM, within which thread 77 raises MSI 0x40; it is injected at the entry, and its
// ISR is interrupted by the guest's own int 0x80. On vCPU 1 a timer of which nothing tells what raised it,
// and an exit that is never left. Times begin at 1000.
class SmallTimeline {
 public:
  tracer::TimelineHead head;
  tracer::Exit exit;
  tracer::Exit open_exit;
  std::deque<tracer::VmmStep> steps;
  tracer::Interrupt msi;
  tracer::Interrupt int80;
  tracer::Interrupt timer;
  tracer::Isr outer;
  tracer::Isr inner;
  tracer::WorkloadEvent event;

  SmallTimeline() {
    using tracer::Link;
    using tracer::LinkedBy;
    head.begin = HostNs{1000};
    head.clock_bound_ns = 46;
    head.workload_names[6] = "device";

    exit.exit = HostNs{1100};
    exit.entry = HostNs{1200};
    exit.user_exit = HostNs{1120};
    exit.vmm_begin = HostNs{1130};
    exit.vmm_end = HostNs{1180};
    exit.what = &io_;
    exit.record.rip = 0xffffffff81000000;
    exit.record.info1 = 0x100220;
    steps = {step_at(1130, 1150, vmm::VmmStep::read_trap, 0x80, 0xffffffff81000010),
             step_at(1150, 1180, vmm::VmmStep::copy_context, 0x80, 0x67fd8)};

    open_exit.exit = HostNs{1250};
    open_exit.entry = HostNs{1300};
    open_exit.open = true;
    open_exit.what = &halt_;

    msi.id = 1;
    msi.vector = 0x40;
    msi.source = tracer::InterruptSource::msi;
    msi.raised_by_tid = 77;
    msi.coalesced = 2;
    msi.delivered_twice = 3;
    msi.link(Link::raised) = link_at(1140, LinkedBy::vmm_mark);
    msi.link(Link::accepted) = link_at(1145, LinkedBy::tracepoint);
    msi.link(Link::injected) = link_at(1200, LinkedBy::entry);
    msi.link(Link::isr_entry) = link_at(1210, LinkedBy::guest_stamp);
    msi.link(Link::eoi) = link_at(1240, LinkedBy::guest_stamp);
    msi.link(Link::iret) = link_at(1250, LinkedBy::guest_stamp);

    int80.id = 2;
    int80.vector = 0x80;
    int80.source = tracer::InterruptSource::software;
    int80.link(Link::isr_entry) = link_at(1220, LinkedBy::guest_stamp);
    int80.link(Link::iret) = link_at(1230, LinkedBy::guest_stamp);

    timer.id = 3;
    timer.vcpu = 1;
    timer.vector = 0x41;
    timer.source = tracer::InterruptSource::timer;
    timer.missing = 1 << static_cast<unsigned>(Link::isr_entry) | 1 << static_cast<unsigned>(Link::iret);
    timer.link(Link::accepted) = link_at(1160, LinkedBy::tracepoint);
    timer.link(Link::injected) = link_at(1170, LinkedBy::entry);

    outer.entry = HostNs{1210};
    outer.iret = HostNs{1250};
    outer.eoi = HostNs{1240};
    outer.vector = 0x40;
    outer.workload = 6;
    outer.complete = true;
    outer.interrupt = 1;
    inner.entry = HostNs{1220};
    inner.iret = HostNs{1230};
    inner.vector = 0x80;
    inner.depth = 1;
    inner.complete = true;
    inner.interrupt = 2;

    event.workload = 6;
    event.iteration = 9;
    event.u0 = HostNs{1050};
    event.k1 = HostNs{1210};
    event.k2 = HostNs{1250};
    event.u3 = HostNs{1260};
    event.user_exits = 1;
  }
  SmallTimeline(const SmallTimeline&) = delete;
  SmallTimeline& operator=(const SmallTimeline&) = delete;

  void play(tracer::TimelineSink& sink) const {
    sink.begin(head);
    sink.state(0, {HostNs{1000}, HostNs{1100}, tracer::State::guest});
    sink.exit(0, exit);
    for (const auto& step : steps)
      sink.step(0, step);
    sink.state(0, {HostNs{1100}, HostNs{1130}, tracer::State::kvm});
    sink.state(0, {HostNs{1130}, HostNs{1180}, tracer::State::vmm});
    sink.state(0, {HostNs{1180}, HostNs{1200}, tracer::State::kvm});
    play_vcpu_1(sink);
    sink.isr_entered(0, begun(outer));
    tracer::Injection injection;
    injection.at = HostNs{1200};
    injection.vector = 0x40;
    injection.isr_entry = HostNs{1210};
    injection.interrupt = 1;
    sink.injection(0, injection);
    sink.isr_entered(0, begun(inner));
    sink.interrupt(int80);
    sink.isr(0, inner);
    sink.interrupt(msi);
    sink.isr(0, outer);
    sink.event(0, event);
    sink.state(0, {HostNs{1200}, HostNs{1300}, tracer::State::guest});
    sink.stamps_checked(0, {});
    sink.stamps_checked(1, {});
    sink.end(HostNs{1300});
  }

  static constexpr std::size_t kSlices = 7 + 2 + 3 + 2 + 2 + 2 + 2 + 1;  // states, exits, VMM, ... raises
  // raised - pending - injected - ISR; pending - injected
  static constexpr std::size_t kArrows = 3 + 1;

 private:
  void play_vcpu_1(tracer::TimelineSink& sink) const {
    sink.state(1, {HostNs{1170}, HostNs{1250}, tracer::State::guest});
    sink.exit(1, open_exit);
    sink.state(1, {HostNs{1250}, HostNs{1280}, tracer::State::kvm});
    tracer::Injection injection;
    injection.at = HostNs{1170};
    injection.vector = 0x41;
    injection.interrupt = 3;
    sink.injection(1, injection);
    sink.interrupt(timer);
  }
  // As much of an ISR as is known when it is entered.
  static tracer::Isr begun(tracer::Isr isr) {
    isr.iret = isr.entry;
    isr.eoi.reset();
    isr.complete = false;
    return isr;
  }

  tracer::ExitDescription io_ = described(0, "io", "port 0x10 out 1");
  tracer::ExitDescription halt_ = described(1, "hlt", "");
};

}  // namespace trapline::viewer::test
