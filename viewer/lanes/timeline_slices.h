// A timeline as lanes and slices: what every timeline format shows, decided once for all of them.
//
// For each vCPU a lane each of states, exits, VMM (what it does step by step lies within its slice of the
// exit), injections, guest ISRs and workload events, and one for each vector on which an interrupt waited to
// be injected; and a lane for each thread that raised interrupts and is no vCPU's. Lanes appear with their
// first slice. Arrows run along each story: raised, pending, injected, ISR.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tracer/timeline/sink.h"
#include "viewer/lanes/labels.h"
#include "viewer/lanes/nesting.h"
#include "viewer/lanes/slice.h"
#include "viewer/lanes/stories.h"

namespace trapline::viewer {

class TimelineSlices : public tracer::TimelineSink {
 public:
  // `labels` and `writer` must outlive this.
  TimelineSlices(Labels& labels, SliceWriter& writer);
  ~TimelineSlices() override;

  void begin(const tracer::TimelineHead& head) override;
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void injection(std::uint16_t vcpu, const tracer::Injection& injection) override;
  void isr_entered(std::uint16_t vcpu, const tracer::Isr& isr) override;
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override;
  void event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) override;
  void interrupt(const tracer::Interrupt& interrupt) override;
  void end(HostNs end) override;
  [[nodiscard]] bool wants_more() const override { return !writer_.failed(); }

 private:
  static constexpr std::uint32_t kOtherVector = 0x200;  // all that are none: a recording may hold any number

  struct KindLabels {
    bool known = false;
    Label reason = 0;
    Label key = 0;
    Label cause = 0;
  };
  struct VectorLabels {
    bool known = false;
    Label inject = 0;
    Label reinject = 0;
    Label isr = 0;
    Label pending = 0;
    Label raise = 0;
  };
  struct FlatLane {
    const Lane* lane = nullptr;
    Sequence sequence;
  };
  struct StepKey {
    std::uint64_t arg = 0;
    std::uint32_t step_and_vector = 0;
    bool operator==(const StepKey&) const = default;
    struct Hash {
      std::size_t operator()(const StepKey& key) const {
        return static_cast<std::size_t>((key.arg + key.step_and_vector) * 0x9e3779b97f4a7c15 >> 16);
      }
    };
  };
  struct OfVcpu;

  OfVcpu& of(std::uint16_t vcpu);
  const Lane& lane(OfVcpu& vcpu, LaneKind kind);
  const Lane& new_lane(LaneKind kind, std::uint16_t vm, std::optional<std::uint16_t> vcpu, std::uint32_t rank,
                       std::string name);
  FlatLane& pending_lane(const tracer::Interrupt& interrupt);
  FlatLane& raise_lane(std::uint16_t vm, std::uint32_t tid);

  const KindLabels& labels_of(const tracer::ExitDescription& what);
  const VectorLabels& labels_of_vector(std::uint32_t vector);
  Label user_exit_label(std::uint16_t reason);
  Label step_label(const tracer::VmmStep& step);
  Label workload_label(std::uint16_t workload);
  Label missing_label(std::uint8_t links);
  Label linked_by_label(const tracer::LinkPoint& point);

  void write(const Lane& lane, Label name, HostNs begin, HostNs end, std::span<const Arg> args = {},
             FlowPart part = FlowPart::none, tracer::InterruptId story = tracer::kNoInterrupt);
  void write_vmm(OfVcpu& vcpu);
  void release_injections(OfVcpu& vcpu, bool all);
  void write_injection(OfVcpu& vcpu, const tracer::Injection& injection, HostNs next);
  void hold_story(const tracer::Interrupt& interrupt);
  void release_story();
  void write_story(const tracer::Interrupt& interrupt);

  Labels& labels_;
  SliceWriter& writer_;
  tracer::TimelineHead head_;
  std::deque<Lane> lanes_;  // does not move what it holds
  std::vector<std::unique_ptr<OfVcpu>> vcpus_;
  std::map<std::pair<std::uint16_t, std::uint32_t>, FlatLane> raise_lanes_;  // by VM and thread
  std::vector<KindLabels> kind_labels_;                                      // by ExitDescription::index
  std::vector<VectorLabels> vector_labels_;
  std::unordered_map<std::uint16_t, Label> user_exit_labels_;
  std::unordered_map<std::uint16_t, Label> workload_labels_;
  std::unordered_map<std::uint32_t, bool> step_tells_arg_;  // by step and vector
  std::unordered_map<StepKey, Label, StepKey::Hash> step_labels_;
  std::unordered_map<std::uint8_t, Label> missing_labels_;
  std::array<Label, tracer::kStates> state_labels_{};
  std::array<Label, tracer::kInterruptSources> source_labels_{};
  std::array<Label, 9> linked_by_labels_{};
  Label open_label_;
  Label handler_label_;

  Stories stories_;
  // Stories that ended, some of them: they end in another order than they began.
  std::vector<tracer::Interrupt> held_stories_;
  std::vector<std::uint32_t> free_places_;
  std::vector<std::pair<HostNs, std::uint32_t>> held_order_;  // a heap, the one that began first on top
};

}  // namespace trapline::viewer
