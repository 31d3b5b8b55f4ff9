// A timeline as the page holds it, made in one pass: chunks of columns as they fill, then the dictionaries.
// docs/view.md describes the format.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"
#include "viewer/output/text_buffer.h"
#include "viewer/web/timeline_chunk.h"

namespace trapline::viewer {

// Rows by table, and what they have become.
struct PackedCounts {
  std::uint64_t exits = 0;
  std::uint64_t states = 0;
  std::uint64_t steps = 0;
  std::uint64_t injections = 0;
  std::uint64_t isrs = 0;
  std::uint64_t events = 0;
  std::uint64_t stories = 0;

  [[nodiscard]] std::uint64_t items() const {
    return exits + states + steps + injections + isrs + events + stories;
  }
};

class PackedTimeline : public tracer::TimelineSink {
 public:
  // `number` tells the page's timelines apart. Beyond `most_items` it only counts. `out` must outlive this.
  PackedTimeline(unsigned number, std::size_t vcpus, std::uint64_t most_items, TextBuffer& out);

  void begin(const tracer::TimelineHead& head) override;
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void injection(std::uint16_t vcpu, const tracer::Injection& injection) override;
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override;
  void event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) override;
  void interrupt(const tracer::Interrupt& interrupt) override;
  void end(HostNs end) override;
  [[nodiscard]] bool wants_more() const override { return status_.has_value() && !out_.failed(); }

  [[nodiscard]] const PackedCounts& counts() const { return counts_; }
  [[nodiscard]] bool too_many() const { return counts_.items() > most_items_; }
  // Of the last item; from the timeline's begin.
  [[nodiscard]] PackedTime end_ns() const { return end_ns_; }
  // What went wrong with the chunks, and the dictionaries, once end() was called.
  [[nodiscard]] Result<nlohmann::json> dictionaries(const recording::RecordingReader& reader) const;

 private:
  TimelineChunk& chunk(std::uint16_t vcpu);
  void added(std::uint64_t& count, TimelineChunk& chunk);
  void flush(TimelineChunk& chunk);
  [[nodiscard]] PackedTime time(HostNs at) const;
  [[nodiscard]] OptionalTime time(const std::optional<HostNs>& at) const;
  std::uint32_t kind_of(const tracer::Exit& exit);
  std::uint32_t text_of(const tracer::VmmStep& step);
  std::uint32_t shape_of(const tracer::Interrupt& interrupt);
  void name_vector(std::uint32_t vector);

  unsigned number_;
  std::uint64_t most_items_;
  std::size_t rows_of_a_chunk_;
  TextBuffer& out_;
  Status status_;
  tracer::TimelineHead head_;
  PackedTime end_ns_ = 0;
  PackedCounts counts_;
  std::map<std::uint16_t, std::unique_ptr<TimelineChunk>> chunks_;
  std::vector<nlohmann::json> kinds_;  // by ExitDescription::index; null: none of the kind came
  std::unordered_map<std::string, std::uint32_t> texts_;
  std::vector<nlohmann::json> text_rows_;  // with the kind of step, by which reports sum up
  std::unordered_map<std::string, std::uint32_t> shapes_;
  std::vector<nlohmann::json> shape_rows_;
  std::map<std::uint32_t, std::string> vectors_;
  std::map<std::uint32_t, std::string> user_reasons_;
  std::map<std::uint16_t, std::string> workloads_;
};

}  // namespace trapline::viewer
