// One recording as the rows that two of them are compared by: what happened in which slice of time.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/completeness.h"
#include "analysis/sliced_samples.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"

namespace trapline::analysis {

enum class RowKind : std::uint8_t {
  exit,       // a reason, key and cause
  interrupt,  // a vector and source
  latency,    // one stretch of an interrupt's way
  state,      // where a vCPU's time went
};
[[nodiscard]] std::string_view row_kind_name(RowKind kind);  // "exit"

// What a row is about; fields that its kind has no use for are as they are here.
struct RowKey {
  RowKind kind = RowKind::exit;
  tracer::Cause cause = tracer::Cause::guest;
  std::string reason;
  std::string key;
  std::uint32_t vector = 0;
  tracer::InterruptSource source = tracer::InterruptSource::unknown;
  std::size_t stretch = 0;  // of kStretches
  tracer::State state = tracer::State::guest;
  std::optional<std::uint16_t> vcpu;  // none: all of them

  auto operator<=>(const RowKey&) const = default;
};

// Of a recording's traced time, cut into slices of equal length.
using PerSlice = std::array<std::uint64_t, kSlices>;

struct RowSamples {
  std::uint64_t count = 0;  // of exits those that stayed open included
  std::uint64_t total_ns = 0;
  PerSlice counts{};
  PerSlice total{};
  SlicedSamples durations;  // of what has a duration each
  // Some durations go from one clock to another: each is off by up to the clocks' bound, and all alike.
  bool between_clocks = false;
};

struct RecordingRows {
  recording::RecordingInfo info;
  Completeness whole;
  std::optional<recording::ProbeCost> probe_cost;
  std::uint64_t clock_bound_ns = 0;
  std::uint64_t traced_ns = 0;  // first entry to last exit, over all vCPUs
  std::size_t vcpus = 0;
  std::map<RowKey, RowSamples> rows;
  std::map<std::optional<std::uint16_t>, PerSlice> traced;  // of each vCPU, or of all
};

// Reads the recording once. `per_vcpu`: a vCPU's rows are its own.
[[nodiscard]] Result<RecordingRows> read_rows(const recording::RecordingReader& reader, bool per_vcpu);

// Slices of equal length from `begin` to `end`.
struct TimeGrid {
  HostNs begin;
  std::uint64_t width_ns = 1;

  [[nodiscard]] static TimeGrid over(HostNs begin, HostNs end);
  [[nodiscard]] std::size_t slice_of(HostNs at) const;  // what is outside belongs to the first or last
  // Adds the time from `from` to `to` to the slices that it lies in.
  void spread(HostNs from, HostNs to, PerSlice& over) const;
};

// The rows of what a sink is told.
class RowCollector : public tracer::TimelineSink {
 public:
  RowCollector(TimeGrid grid, bool per_vcpu) : grid_(grid), per_vcpu_(per_vcpu) {}

  void begin(const tracer::TimelineHead& head) override { found_.clock_bound_ns = head.clock_bound_ns; }
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void interrupt(const tracer::Interrupt& interrupt) override;
  void stamps_checked(std::uint16_t, const tracer::StampCheck&) override { ++found_.vcpus; }

  // Without the facts of the recording.
  [[nodiscard]] RecordingRows take();

 private:
  [[nodiscard]] std::optional<std::uint16_t> of(std::uint16_t vcpu) const;
  RowSamples& row_of(std::uint16_t vcpu, const tracer::ExitDescription& what);
  void add(RowSamples& row, HostNs at, std::optional<std::uint64_t> duration_ns) const;

  TimeGrid grid_;
  bool per_vcpu_;
  RecordingRows found_;
  std::map<std::uint16_t, std::vector<RowSamples*>> exits_;  // rows by ExitDescription::index
  HostNs first_{~std::uint64_t{0}};
  HostNs last_;
};

}  // namespace trapline::analysis
