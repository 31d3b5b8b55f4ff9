// Lanes and slices as Chrome Trace Event JSON, for ui.perfetto.dev and every other viewer of that format.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/recording/info.h"
#include "viewer/json/json_stream.h"
#include "viewer/lanes/slice.h"

namespace trapline::viewer {

// A process for each VM, a thread for each lane. Times count from the timeline's begin (doubles of absolute
// times lose nanoseconds); the origin stands as a decimal string in `otherData`.
class ChromeTrace : public SliceWriter {
 public:
  // `labels` and `sink` must outlive this.
  ChromeTrace(const recording::RecordingInfo& info, const Labels& labels, TextSink& sink);

  void begin(const tracer::TimelineHead& head) override;
  void lane(const Lane& lane) override;
  void slice(const Slice& slice) override;
  void opened(const Slice& /*slice*/) override {
  }  // a slice is one event: it is written when its end is known
  void closed(const Slice& slice) override { this->slice(slice); }
  void end() override;
  [[nodiscard]] bool failed() const override { return json_.failed(); }

  // Whether all of it was written.
  [[nodiscard]] Status finish() { return json_.finish(); }

 private:
  void name_process(std::uint16_t vm);
  void metadata(std::string_view kind, std::uint16_t vm, std::uint64_t thread, std::string_view name);
  void sort_index(std::uint16_t vm, std::uint64_t thread);
  void write_args(std::span<const Arg> args);
  void write_flow(const Slice& slice);
  std::string_view rendered(Label label);

  recording::RecordingInfo info_;
  const Labels& labels_;
  JsonStream json_;
  HostNs origin_;
  std::uint64_t clock_bound_ns_ = 0;
  tracer::RecordedVms machines_;
  std::set<std::uint16_t> named_processes_;   // by VM
  std::vector<std::string> rendered_labels_;  // by Label
  std::vector<std::string> rendered_lanes_;   // by Lane::index: the members that all slices of a lane share
};

}  // namespace trapline::viewer
