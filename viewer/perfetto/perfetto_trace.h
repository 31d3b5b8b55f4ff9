// Lanes and slices in Perfetto's own format (.pftrace): a track tree, VM - vCPU - lane, with its texts kept
// once, and the guest's clocks beside the host's.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracer/recording/info.h"
#include "viewer/lanes/slice.h"
#include "viewer/output/text_buffer.h"
#include "viewer/perfetto/guest_clocks.h"

namespace trapline::viewer {

// A slice is two packets, its begin and its end. Times are those of the host's CLOCK_MONOTONIC.
class PerfettoTrace : public SliceWriter {
 public:
  // `labels` and `sink` must outlive this.
  PerfettoTrace(const recording::RecordingInfo& info, std::vector<ClockReading> clocks, const Labels& labels,
                TextSink& sink);

  void begin(const tracer::TimelineHead& head) override;
  void lane(const Lane& lane) override;
  void slice(const Slice& slice) override;
  void opened(const Slice& slice) override;
  void closed(const Slice& slice) override;
  void end() override {}
  [[nodiscard]] bool failed() const override { return out_.failed(); }

  // Whether all of it was written.
  [[nodiscard]] Status finish() { return out_.finish(); }

 private:
  void packet(std::string_view content);
  void write_clocks(const ClockReading& reading);
  std::uint64_t know_vm(std::uint16_t vm);  // its track
  void write_track(std::uint64_t uuid, std::uint64_t parent, std::uint64_t rank, std::string_view name);
  void write_interned(std::uint32_t field, std::uint64_t number, std::string_view text);
  void know_name(Label label);
  void know_texts(std::span<const Arg> args);
  // `whole`: with what is only known when all is known.
  void write_begin(const Slice& slice, bool whole);
  void write_end(const Slice& slice, bool with_rest);

  recording::RecordingInfo info_;
  std::vector<ClockReading> clocks_;
  const Labels& labels_;
  TextBuffer out_;
  std::vector<bool> known_names_;  // by Label: what readers have been told
  std::vector<bool> known_texts_;
  std::set<std::uint64_t> known_tracks_;  // of VMs and vCPUs
  tracer::RecordedVms machines_;
};

}  // namespace trapline::viewer
