// A timeline as rows: one of its tables at a time, in one pass over the recording.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "tracer/timeline/sink.h"
#include "viewer/rows/row_writer.h"
#include "viewer/rows/timeline_tables.h"

namespace trapline::viewer {

// Rows come in the order in which a TimelineSink is told of them.
class TimelineRows : public tracer::TimelineSink {
 public:
  // `writer` must outlive this.
  TimelineRows(TimelineTable table, RowWriter& writer) : table_(table), rows_(writer) {}

  void begin(const tracer::TimelineHead& head) override;
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void injection(std::uint16_t vcpu, const tracer::Injection& injection) override;
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override;
  void event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) override;
  void interrupt(const tracer::Interrupt& interrupt) override;
  void stamps_checked(std::uint16_t vcpu, const tracer::StampCheck& check) override;
  void end(HostNs end) override;
  [[nodiscard]] bool wants_more() const override { return !rows_.failed(); }

 private:
  struct OfVcpu {
    std::uint64_t traced_ns = 0;
    tracer::StampCheck stamps;
  };

  void begin_row(std::uint16_t vcpu);
  void vcpu_id(const std::optional<std::uint16_t>& vcpu);
  void time(HostNs at);
  void time(const std::optional<HostNs>& at);
  void vector_name(std::uint32_t vector);
  void workload(std::uint16_t workload);
  void story(tracer::InterruptId id);
  void missing_links(const tracer::Interrupt& interrupt);
  void write_vcpus();

  TimelineTable table_;
  RowWriter& rows_;
  tracer::TimelineHead head_;
  std::unordered_map<std::uint32_t, std::string> vector_names_;
  std::map<std::uint16_t, OfVcpu> vcpus_;
};

}  // namespace trapline::viewer
