#include "analysis/recording_rows.h"

#include <algorithm>

#include "analysis/interrupts.h"

namespace trapline::analysis {
namespace {

std::uint64_t length(HostNs from, HostNs to) {
  return to < from ? 0 : to.value - from.value;
}

// Whether a link was dated by the TSC, the guest's or the VMM's, and not by the kernel's clock.
bool by_tsc(const tracer::LinkPoint& point) {
  return point.by == tracer::LinkedBy::guest_stamp || point.by == tracer::LinkedBy::vmm_mark ||
         point.by == tracer::LinkedBy::vmm_step;
}

// From the first exit to the last entry; streams of exits begin and end with entries.
TimeGrid grid_of(const recording::RecordingReader& reader) {
  HostNs begin{~std::uint64_t{0}};
  HostNs end;
  for (const auto& stream : reader.streams()) {
    if (stream.key.stream != recording::StreamClass::exits || stream.packets == 0) continue;
    begin = std::min(begin, stream.begin);
    end = std::max(end, stream.end);
  }
  return TimeGrid::over(begin, end);
}

}  // namespace

std::string_view row_kind_name(RowKind kind) {
  switch (kind) {
    case RowKind::exit:
      return "exit";
    case RowKind::interrupt:
      return "interrupt";
    case RowKind::latency:
      return "latency";
    case RowKind::state:
      break;
  }
  return "state";
}

TimeGrid TimeGrid::over(HostNs begin, HostNs end) {
  return {begin, length(begin, end) / kSlices + 1};
}

std::size_t TimeGrid::slice_of(HostNs at) const {
  return std::min<std::size_t>(length(begin, at) / width_ns, kSlices - 1);
}

void TimeGrid::spread(HostNs from, HostNs to, PerSlice& over) const {
  while (from < to) {
    const std::size_t slice = slice_of(from);
    const HostNs border{begin.value + (slice + 1) * width_ns};
    // A border that is not ahead is beyond the clock's range: of a recording that lies.
    const HostNs until = slice == kSlices - 1 || border <= from ? to : std::min(to, border);
    over[slice] += until.value - from.value;
    from = until;
  }
}

std::optional<std::uint16_t> RowCollector::of(std::uint16_t vcpu) const {
  return per_vcpu_ ? std::optional(vcpu) : std::nullopt;
}

void RowCollector::add(RowSamples& row, HostNs at, std::optional<std::uint64_t> duration_ns) const {
  const std::size_t slice = grid_.slice_of(at);
  ++row.count;
  ++row.counts[slice];
  if (!duration_ns) return;
  row.total_ns += *duration_ns;
  row.total[slice] += *duration_ns;
  row.durations.add(at, *duration_ns);
}

void RowCollector::state(std::uint16_t vcpu, const tracer::StateSlice& slice) {
  first_ = std::min(first_, slice.begin);
  last_ = std::max(last_, slice.end);
  RowKey key;
  key.kind = RowKind::state;
  key.state = slice.state;
  key.vcpu = of(vcpu);
  RowSamples& row = found_.rows[key];
  ++row.count;
  row.total_ns += length(slice.begin, slice.end);
  grid_.spread(slice.begin, slice.end, row.total);
  grid_.spread(slice.begin, slice.end, found_.traced[key.vcpu]);
}

RowSamples& RowCollector::row_of(std::uint16_t vcpu, const tracer::ExitDescription& what) {
  auto& rows = exits_[vcpu];
  if (what.index >= rows.size()) rows.resize(what.index + 1);
  RowSamples*& row = rows[what.index];
  if (row == nullptr) {
    RowKey key;
    key.cause = what.cause;
    key.reason = what.reason;
    key.key = what.key;
    key.vcpu = of(vcpu);
    row = &found_.rows[key];
  }
  return *row;
}

void RowCollector::exit(std::uint16_t vcpu, const tracer::Exit& exit) {
  add(row_of(vcpu, *exit.what), exit.exit,
      exit.open ? std::nullopt : std::optional(length(exit.exit, exit.entry)));
}

void RowCollector::interrupt(const tracer::Interrupt& interrupt) {
  RowKey key;
  key.kind = RowKind::interrupt;
  key.vector = interrupt.vector;
  key.source = interrupt.source;
  key.vcpu = of(interrupt.vcpu);
  add(found_.rows[key], interrupt.begin(), std::nullopt);
  key.kind = RowKind::latency;
  for (key.stretch = 0; key.stretch < kStretches.size(); ++key.stretch) {
    const Stretch& stretch = kStretches[key.stretch];
    const auto ns = interrupt.between(stretch.from, stretch.to);
    if (!ns) continue;
    const tracer::LinkPoint& from = interrupt.link(stretch.from);
    RowSamples& row = found_.rows[key];
    add(row, from.at, ns);
    row.between_clocks = row.between_clocks || by_tsc(from) != by_tsc(interrupt.link(stretch.to));
  }
}

RecordingRows RowCollector::take() {
  found_.traced_ns = length(first_, last_);
  return std::move(found_);
}

Result<RecordingRows> read_rows(const recording::RecordingReader& reader, bool per_vcpu) {
  RowCollector collector(grid_of(reader), per_vcpu);
  TRAPLINE_TRY(tracer::stream_timeline(reader, collector));
  RecordingRows rows = collector.take();
  rows.info = reader.info();
  rows.whole = completeness_of(reader);
  rows.probe_cost = reader.probe_cost();
  return rows;
}

}  // namespace trapline::analysis
