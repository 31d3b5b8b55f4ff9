#include "tests/trace_processor/expected_slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tracer/exits/user_exits.h"
#include "tracer/exits/vectors.h"
#include "vmm/guest/abi.h"
#include "vmm/steps.h"

namespace trapline::test {
namespace {

using tracer::Interrupt;
using tracer::Link;

// As viewers show a text that is not UTF-8.
std::string shown(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += (static_cast<unsigned char>(c) & 0x80) == 0 ? std::string(1, c) : "\xef\xbf\xbd";
  return out;
}

bool raised_by_device(const Interrupt& story) {
  return story.external() && story.link(Link::raised).seen() && story.raised_by_tid != 0 &&
         !story.raised_by_vcpu;
}

}  // namespace

void ExpectedSlices::add(std::uint16_t vcpu, const std::string& lane, const std::string& name, HostNs begin,
                         HostNs end, tracer::InterruptId story) {
  lanes_[fmt::format("vCPU {} {}", vcpu, lane)].push_back(
      {begin.value - head_.begin.value, end.value - head_.begin.value, name, story});
}

void ExpectedSlices::state(std::uint16_t vcpu, const tracer::StateSlice& slice) {
  ++counts_["states"];
  add(vcpu, "state", std::string(tracer::state_name(slice.state)), slice.begin, slice.end);
}

void ExpectedSlices::exit(std::uint16_t vcpu, const tracer::Exit& exit) {
  ++counts_["exits"];
  add(vcpu, "exits", exit.what->reason, exit.exit, exit.entry);
  if (exit.vmm_begin && exit.vmm_end)
    add(vcpu, "VMM", tracer::user_exit_name(exit.record.user_reason), *exit.vmm_begin, *exit.vmm_end);
}

void ExpectedSlices::step(std::uint16_t vcpu, const tracer::VmmStep& step) {
  ++counts_["vmm_steps"];
  add(vcpu, "VMM", vmm::describe_step(static_cast<vmm::VmmStep>(step.step), step.vector, step.arg),
      step.begin, step.end);
}

void ExpectedSlices::injection(std::uint16_t vcpu, const tracer::Injection& injection) {
  ++counts_["injections"];
  injections_[vcpu].push_back(injection);
}

void ExpectedSlices::isr(std::uint16_t vcpu, const tracer::Isr& isr) {
  ++counts_["isrs"];
  const std::string name =
      isr.vector == GUEST_VECTOR_SYSCALL ? "syscall" : "ISR " + tracer::vector_name(isr.vector);
  add(vcpu, "guest ISR", name, isr.entry, isr.iret, isr.interrupt);
}

void ExpectedSlices::event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) {
  ++counts_["events"];
  const auto name = head_.workload_names.find(event.workload);
  add(vcpu, "guest workload",
      name == head_.workload_names.end() ? fmt::format("workload {}", event.workload) : shown(name->second),
      event.u0, event.u3);
  if (!event.k1 || !event.k2) return;
  const std::string handler =
      event.handler_vcpu ? fmt::format("handler on vCPU {}", *event.handler_vcpu) : "handler";
  add(vcpu, "guest workload", handler, std::clamp(*event.k1, event.u0, event.u3),
      std::clamp(*event.k2, event.u0, event.u3));
}

// Until the ISR's entry, but no longer than until the next one.
void ExpectedSlices::add_injections() {
  for (const auto& [vcpu, all] : injections_) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      HostNs end = all[i].isr_entry.value_or(all[i].at);
      if (i + 1 < all.size()) end = std::min(end, all[i + 1].at);
      const std::string name = fmt::format("{} {}", all[i].reinjected ? "re-inject" : "inject",
                                           tracer::vector_name(all[i].vector));
      add(vcpu, "injections", name, all[i].at, end, all[i].interrupt);
    }
  }
}

void ExpectedSlices::add_stories() {
  counts_["interrupts"] = stories_.size();
  std::ranges::stable_sort(stories_, {}, &Interrupt::begin);
  std::map<std::pair<std::uint16_t, std::uint32_t>, std::uint64_t> last_end;
  for (const Interrupt& story : stories_) {
    if (!story.external()) continue;
    const auto ns = [&](Link link) { return story.link(link).at.value - head_.begin.value; };
    const std::string vector = tracer::vector_name(story.vector);
    const bool by_device = raised_by_device(story);
    if (by_device) {
      const std::uint64_t end = story.link(Link::accepted).seen() ? ns(Link::accepted) : ns(Link::raised);
      lanes_[fmt::format("raised by thread {}", story.raised_by_tid)].push_back(
          {ns(Link::raised), std::max(end, ns(Link::raised)), "raise " + vector, story.id});
    }
    const Link from = story.link(Link::raised).seen() ? Link::raised : Link::accepted;
    const Link until = story.link(Link::injected).seen() ? Link::injected : Link::isr_entry;
    if (!story.link(from).seen() || !story.link(until).seen() || ns(until) < ns(from)) continue;
    std::uint64_t& last = last_end[{story.vcpu, story.vector}];
    const std::uint64_t begin = std::max(last, std::min(ns(until), ns(from) + (by_device ? 1 : 0)));
    last = std::max(begin, ns(until));
    lanes_[fmt::format("vCPU {} pending {}", story.vcpu, vector)].push_back(
        {begin, last, "pending " + vector, story.id});
  }
}

void ExpectedSlices::find_parents() {
  for (auto& [lane, slices] : lanes_) {
    std::ranges::stable_sort(slices, [](const OnLane& a, const OnLane& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    std::vector<const OnLane*> open;
    for (const OnLane& slice : slices) {
      while (!open.empty() && open.back()->end <= slice.begin)
        open.pop_back();
      rows_.push_back(
          {lane, slice.name, slice.begin, slice.end - slice.begin, open.empty() ? "" : open.back()->name});
      open.push_back(&slice);
    }
  }
  std::ranges::sort(rows_);
}

// Through the slices of a story in the order of their begins.
void ExpectedSlices::find_arrows() {
  std::map<tracer::InterruptId, std::vector<const OnLane*>> parts;
  for (const auto& [lane, slices] : lanes_) {
    for (const OnLane& slice : slices) {
      if (slice.story != tracer::kNoInterrupt) parts[slice.story].push_back(&slice);
    }
  }
  for (auto& [story, slices] : parts) {
    std::ranges::stable_sort(slices, {}, &OnLane::begin);
    for (std::size_t i = 1; i < slices.size(); ++i)
      arrows_.push_back({slices[i - 1]->name, slices[i - 1]->begin, slices[i]->name, slices[i]->begin});
  }
  std::ranges::sort(arrows_);
}

void ExpectedSlices::end(HostNs /*end*/) {
  add_injections();
  add_stories();
  find_parents();
  find_arrows();
}

}  // namespace trapline::test
