#include "viewer/rows/timeline_rows.h"

#include <array>

#include "tracer/exits/user_exits.h"
#include "viewer/vector_label.h"
#include "vmm/steps.h"

namespace trapline::viewer {
namespace {

using tracer::Exit;
using tracer::Injection;
using tracer::Interrupt;
using tracer::Isr;
using tracer::Link;
using tracer::StampCheck;
using tracer::StateSlice;
using tracer::WorkloadEvent;

constexpr std::size_t kKnownVectors = 0x200;

}  // namespace

void TimelineRows::begin(const tracer::TimelineHead& head) {
  head_ = head;
  rows_.begin_table(table_name(table_), columns_of(table_));
}

void TimelineRows::begin_row(std::uint16_t vcpu) {
  const auto of = head_.machines.vcpu(vcpu);
  rows_.begin_row();
  rows_.count(of.vm);
  rows_.count(of.vcpu_id);
}

void TimelineRows::vcpu_id(const std::optional<std::uint16_t>& vcpu) {
  vcpu ? rows_.count(head_.machines.vcpu(*vcpu).vcpu_id) : rows_.none();
}

void TimelineRows::time(HostNs at) {
  rows_.nanoseconds(static_cast<std::int64_t>(at.value - head_.begin.value));
}

void TimelineRows::time(const std::optional<HostNs>& at) {
  at ? time(*at) : rows_.none();
}

void TimelineRows::vector_name(std::uint32_t vector) {
  // A recording may hold any number: the names of those that no CPU has are not kept.
  if (vector >= kKnownVectors) return rows_.text(vector_label(vector));
  const auto [found, is_new] = vector_names_.try_emplace(vector);
  if (is_new) found->second = vector_label(vector);
  rows_.text(found->second);
}

void TimelineRows::workload(std::uint16_t workload) {
  rows_.text(head_.workload_name(workload));
}

void TimelineRows::story(tracer::InterruptId id) {
  id == tracer::kNoInterrupt ? rows_.none() : rows_.count(id);
}

void TimelineRows::state(std::uint16_t vcpu, const StateSlice& slice) {
  if (table_ == TimelineTable::vcpus) vcpus_[vcpu].traced_ns += slice.end.value - slice.begin.value;
  if (table_ != TimelineTable::states) return;
  begin_row(vcpu);
  time(slice.begin);
  time(slice.end);
  rows_.text(tracer::state_name(slice.state));
  rows_.end_row();
}

void TimelineRows::exit(std::uint16_t vcpu, const Exit& exit) {
  if (table_ != TimelineTable::exits) return;
  const trl_exit_cycle& raw = exit.record;
  begin_row(vcpu);
  time(exit.exit);
  time(exit.entry);
  rows_.text(exit.what->reason);
  rows_.text(exit.what->key);
  rows_.text(tracer::cause_name(exit.what->cause));
  rows_.flag(exit.halts);
  rows_.flag(exit.open);
  (raw.flags & TRL_NO_RIP) != 0 ? rows_.none() : rows_.address(raw.rip);
  rows_.address(raw.info1);
  rows_.address(raw.info2);
  rows_.address(raw.reason);
  rows_.address(raw.event_inj);
  rows_.address(raw.exit_int_info);
  time(exit.user_exit);
  exit.user_exit ? rows_.text(tracer::user_exit_name(raw.user_reason)) : rows_.none();
  time(exit.vmm_begin);
  time(exit.vmm_end);
  rows_.end_row();
}

void TimelineRows::step(std::uint16_t vcpu, const tracer::VmmStep& step) {
  if (table_ != TimelineTable::vmm_steps) return;
  begin_row(vcpu);
  time(step.begin);
  time(step.end);
  rows_.count(step.step);
  rows_.text(vmm::describe_step(static_cast<vmm::VmmStep>(step.step), step.vector, step.arg));
  rows_.address(step.vector);
  rows_.address(step.arg);
  rows_.end_row();
}

void TimelineRows::injection(std::uint16_t vcpu, const Injection& injection) {
  if (table_ != TimelineTable::injections) return;
  begin_row(vcpu);
  time(injection.at);
  rows_.count(injection.vector);
  rows_.flag(injection.exception);
  rows_.flag(injection.reinjected);
  time(injection.isr_entry);
  story(injection.interrupt);
  rows_.end_row();
}

void TimelineRows::isr(std::uint16_t vcpu, const Isr& isr) {
  if (table_ != TimelineTable::isrs) return;
  begin_row(vcpu);
  time(isr.entry);
  time(isr.iret);
  rows_.count(isr.vector);
  vector_name(isr.vector);
  workload(isr.workload);
  rows_.count(isr.depth);
  rows_.flag(isr.complete);
  time(isr.eoi);
  story(isr.interrupt);
  rows_.end_row();
}

void TimelineRows::event(std::uint16_t vcpu, const WorkloadEvent& event) {
  if (table_ != TimelineTable::events) return;
  begin_row(vcpu);
  workload(event.workload);
  rows_.count(event.iteration);
  time(event.u0);
  time(event.k1);
  time(event.k2);
  time(event.u3);
  vcpu_id(event.handler_vcpu);
  rows_.count(event.user_exits);
  rows_.count(event.kernel_exits);
  rows_.count(event.async_exits);
  rows_.end_row();
}

void TimelineRows::interrupt(const Interrupt& interrupt) {
  if (table_ != TimelineTable::interrupts) return;
  begin_row(interrupt.vcpu);
  rows_.count(interrupt.id);
  rows_.count(interrupt.vector);
  vector_name(interrupt.vector);
  rows_.text(tracer::source_name(interrupt.source));
  interrupt.raised_by_tid != 0 ? rows_.count(interrupt.raised_by_tid) : rows_.none();
  vcpu_id(interrupt.raised_by_vcpu);
  for (const tracer::LinkPoint& point : interrupt.links) {
    if (point.seen()) {
      time(point.at);
      rows_.text(tracer::linked_by_name(point.by));
    } else {
      rows_.none();
      rows_.none();
    }
  }
  rows_.flag(interrupt.complete());
  missing_links(interrupt);
  rows_.count(interrupt.coalesced);
  rows_.count(interrupt.reinjections);
  rows_.count(interrupt.delivered_twice);
  rows_.count(interrupt.entries_masked);
  rows_.count(interrupt.depth);
  rows_.flag(interrupt.posted);
  rows_.flag(interrupt.eoi_exit);
  rows_.end_row();
}

void TimelineRows::missing_links(const Interrupt& interrupt) {
  std::array<std::string_view, tracer::kLinks> names;
  std::size_t count = 0;
  for (std::size_t i = 0; i < tracer::kLinks; ++i) {
    const auto link = static_cast<Link>(i);
    if (interrupt.is_missing(link)) names[count++] = tracer::link_name(link);
  }
  rows_.words(std::span(names).first(count));
}

void TimelineRows::stamps_checked(std::uint16_t vcpu, const StampCheck& check) {
  vcpus_[vcpu].stamps = check;
}

void TimelineRows::write_vcpus() {
  for (const auto& [number, vcpu] : vcpus_) {
    begin_row(number);
    rows_.count(vcpu.traced_ns);
    rows_.count(vcpu.stamps.checked);
    rows_.count(vcpu.stamps.outside);
    rows_.count(vcpu.stamps.worst_violation_ns);
    rows_.end_row();
  }
}

void TimelineRows::end(HostNs /*end*/) {
  if (table_ == TimelineTable::vcpus) write_vcpus();
  rows_.end_table();
}

}  // namespace trapline::viewer
