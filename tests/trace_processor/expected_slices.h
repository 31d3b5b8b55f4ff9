// What a viewer must show of a recording: told from the timeline's items alone, without the code that exports
// them. Holds all of it, so for recordings that are not too long.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tracer/timeline/sink.h"

namespace trapline::test {

struct SliceRow {
  std::string lane;
  std::string name;
  std::uint64_t begin = 0;  // from the timeline's begin
  std::uint64_t duration = 0;
  std::string parent;
  auto operator<=>(const SliceRow&) const = default;
};

struct ArrowRow {
  std::string from;
  std::uint64_t from_begin = 0;
  std::string to;
  std::uint64_t to_begin = 0;
  auto operator<=>(const ArrowRow&) const = default;
};

class ExpectedSlices : public tracer::TimelineSink {
 public:
  void begin(const tracer::TimelineHead& head) override { head_ = head; }
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void injection(std::uint16_t vcpu, const tracer::Injection& injection) override;
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override;
  void event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) override;
  void interrupt(const tracer::Interrupt& interrupt) override { stories_.push_back(interrupt); }
  void end(HostNs end) override;

  // Sorted; complete after end().
  [[nodiscard]] const std::vector<SliceRow>& slices() const { return rows_; }
  [[nodiscard]] const std::vector<ArrowRow>& arrows() const { return arrows_; }
  // How many items there were, by table of the forms that are rows: "vmm_steps".
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  struct OnLane {
    std::uint64_t begin;
    std::uint64_t end;
    std::string name;
    tracer::InterruptId story;
  };
  void add(std::uint16_t vcpu, const std::string& lane, const std::string& name, HostNs begin, HostNs end,
           tracer::InterruptId story = tracer::kNoInterrupt);
  void add_injections();
  void add_stories();
  void find_parents();
  void find_arrows();

  tracer::TimelineHead head_;
  std::map<std::string, std::vector<OnLane>> lanes_;
  std::map<std::uint16_t, std::vector<tracer::Injection>> injections_;
  std::vector<tracer::Interrupt> stories_;
  std::vector<SliceRow> rows_;
  std::vector<ArrowRow> arrows_;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace trapline::test
