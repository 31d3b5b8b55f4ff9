#include "tracer/timeline/timeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "tracer/timeline/sink.h"

namespace trapline::tracer {
namespace {

class Collector : public TimelineSink {
 public:
  void begin(const TimelineHead& head) override {
    static_cast<TimelineHead&>(timeline_) = head;
    timeline_.end = head.begin;
  }
  void state(std::uint16_t vcpu, const StateSlice& slice) override { of(vcpu).states.push_back(slice); }
  void exit(std::uint16_t vcpu, const Exit& exit) override {
    of(vcpu).exits.push_back(exit);
    of(vcpu).exits.back().what = keep(*exit.what);
  }
  void step(std::uint16_t vcpu, const VmmStep& step) override { of(vcpu).steps.push_back(step); }
  void injection(std::uint16_t vcpu, const Injection& injection) override {
    of(vcpu).injections.push_back(injection);
  }
  void isr(std::uint16_t vcpu, const Isr& isr) override { of(vcpu).isrs.push_back(isr); }
  void event(std::uint16_t vcpu, const WorkloadEvent& event) override { of(vcpu).events.push_back(event); }
  void interrupt(const Interrupt& interrupt) override { of(interrupt.vcpu).interrupts.push_back(interrupt); }
  void stamps_checked(std::uint16_t vcpu, const StampCheck& check) override {
    of(vcpu).stamp_check = check;
    of(vcpu).stamps = check.checked;
  }
  void end(HostNs end) override { timeline_.end = end; }

  Timeline take() {
    for (auto& [number, vcpu] : vcpus_) {
      std::ranges::stable_sort(vcpu.isrs, {}, &Isr::entry);
      std::ranges::sort(vcpu.interrupts, {}, [](const Interrupt& i) { return std::pair(i.begin(), i.id); });
      timeline_.vcpus.push_back(std::move(vcpu));
    }
    timeline_.kinds = kinds_;
    return std::move(timeline_);
  }

 private:
  VcpuTimeline& of(std::uint16_t number) {
    VcpuTimeline& found = vcpus_[number];
    found.vcpu = number;
    return found;
  }
  // The stream's own descriptions end with it.
  const ExitDescription* keep(const ExitDescription& what) {
    if (what.index >= kinds_->size()) kinds_->resize(what.index + 1);
    auto& kept = (*kinds_)[what.index];
    if (!kept) kept = std::make_unique<ExitDescription>(what);
    return kept.get();
  }

  Timeline timeline_;
  std::map<std::uint16_t, VcpuTimeline> vcpus_;
  std::shared_ptr<Timeline::Kinds> kinds_ = std::make_shared<Timeline::Kinds>();
};

}  // namespace

std::string TimelineHead::workload_name(std::uint16_t workload) const {
  const auto found = workload_names.find(workload);
  return found != workload_names.end() ? found->second : fmt::format("workload {}", workload);
}

Result<Timeline> build_timeline(const recording::RecordingReader& reader) {
  Collector collector;
  TRAPLINE_TRY(stream_timeline(reader, collector));
  return collector.take();
}

}  // namespace trapline::tracer
