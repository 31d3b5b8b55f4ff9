#include "viewer/web/examples.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "tracer/timeline/sink.h"
#include "viewer/output/string_sink.h"
#include "viewer/web/embedded.h"
#include "viewer/web/packed_timeline.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using tracer::TimelineWindow;
using tracer::WorkloadEvent;

// What an example may hold: the emulation of one event is some hundred items.
constexpr std::uint64_t kMostItems = 20'000;
// How much of an event's round trip is shown before and after it.
constexpr std::uint64_t kMarginParts = 4;
constexpr std::uint64_t kLeastMarginNs = 200;

struct Candidate {
  std::uint16_t vcpu = 0;
  WorkloadEvent event;
  std::uint64_t u0_ns = 0;
  std::uint64_t round_trip_ns = 0;
};

class EventsByWorkload : public tracer::TimelineSink {
 public:
  EventsByWorkload(const std::vector<std::string>& wanted, std::uint64_t warm_up)
      : wanted_(wanted), warm_up_(warm_up) {}

  void begin(const tracer::TimelineHead& head) override { head_ = head; }
  void event(std::uint16_t vcpu, const WorkloadEvent& event) override {
    if (++seen_[{vcpu, event.workload}] <= warm_up_) return;
    const std::string name = head_.workload_name(event.workload);
    if (std::ranges::find(wanted_, name) == wanted_.end() || event.u3 < event.u0) return;
    events_[name].push_back({vcpu, event, event.u0.value - std::min(event.u0, head_.begin).value,
                             event.u3.value - event.u0.value});
  }

  [[nodiscard]] std::map<std::string, Candidate> medians() {
    std::map<std::string, Candidate> chosen;
    for (auto& [name, events] : events_) {
      const auto middle = events.begin() + static_cast<std::ptrdiff_t>((events.size() - 1) / 2);
      std::ranges::nth_element(events, middle, {}, &Candidate::round_trip_ns);
      chosen.emplace(name, *middle);
    }
    return chosen;
  }

 private:
  const std::vector<std::string>& wanted_;
  std::uint64_t warm_up_;
  tracer::TimelineHead head_;
  std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint64_t> seen_;
  std::map<std::string, std::vector<Candidate>> events_;
};

// Hands every item to all of several sinks.
class ToAll : public tracer::TimelineSink {
 public:
  void add(tracer::TimelineSink& sink) { sinks_.push_back(&sink); }

  void begin(const tracer::TimelineHead& head) override {
    each([&](auto& to) { to.begin(head); });
  }
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override {
    each([&](auto& to) { to.state(vcpu, slice); });
  }
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override {
    each([&](auto& to) { to.exit(vcpu, exit); });
  }
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override {
    each([&](auto& to) { to.step(vcpu, step); });
  }
  void injection(std::uint16_t vcpu, const tracer::Injection& injection) override {
    each([&](auto& to) { to.injection(vcpu, injection); });
  }
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override {
    each([&](auto& to) { to.isr(vcpu, isr); });
  }
  void event(std::uint16_t vcpu, const WorkloadEvent& event) override {
    each([&](auto& to) { to.event(vcpu, event); });
  }
  void interrupt(const tracer::Interrupt& interrupt) override {
    each([&](auto& to) { to.interrupt(interrupt); });
  }
  void end(HostNs end) override {
    each([&](auto& to) { to.end(end); });
  }

 private:
  template <typename Call>
  void each(Call call) {
    for (auto* sink : sinks_)
      call(*sink);
  }
  std::vector<tracer::TimelineSink*> sinks_;
};

// An example on its way: its part of the timeline, and where that is written.
struct Part {
  Part(unsigned number, std::size_t vcpus, const Candidate& of)
      : out(sink), packed(number, vcpus, kMostItems, out), window(packed, around(of)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  static TimelineWindow::Limits around(const Candidate& of) {
    const std::uint64_t margin = std::max(of.round_trip_ns / kMarginParts, kLeastMarginNs);
    return {of.u0_ns - std::min(of.u0_ns, margin), of.u0_ns + of.round_trip_ns + margin, {}};
  }

  StringSink sink;
  TextBuffer out;
  PackedTimeline packed;
  TimelineWindow window;
};

json described(const std::string& path, const std::string& workload, unsigned number, const Candidate& of) {
  const auto after_u0 = [&](const std::optional<HostNs>& at) {
    return at ? json(of.u0_ns + (at->value - of.event.u0.value)) : json(nullptr);
  };
  return {{"path", path},
          {"workload", workload},
          {"timeline", number},
          {"vcpu", of.vcpu},
          {"u0_ns", of.u0_ns},
          {"k1_ns", after_u0(of.event.k1)},
          {"k2_ns", after_u0(of.event.k2)},
          {"u3_ns", after_u0(of.event.u3)}};
}

}  // namespace

Status Examples::add(const std::string& path, const std::vector<std::string>& workloads,
                     std::uint64_t warm_up, const recording::RecordingReader& reader) {
  EventsByWorkload events(workloads, warm_up);
  TRAPLINE_TRY(tracer::stream_timeline(reader, events));
  const auto chosen = events.medians();
  std::deque<Part> parts;
  ToAll all;
  const auto first = static_cast<unsigned>(list_.size());
  for (const auto& [workload, candidate] : chosen) {
    Part& part =
        parts.emplace_back(first + static_cast<unsigned>(parts.size()), reader.vcpus().size(), candidate);
    all.add(part.window);
  }
  TRAPLINE_TRY(tracer::stream_timeline(reader, all));
  auto part = parts.begin();
  for (const auto& [workload, candidate] : chosen) {
    const auto number = static_cast<unsigned>(list_.size());
    TRAPLINE_ASSIGN(dictionaries, part->packed.dictionaries(reader));
    dictionaries["too_many"] = part->packed.too_many();
    embed_json(fmt::format("timeline-{}", number), dictionaries, part->out);
    TRAPLINE_TRY(part->out.finish());
    elements_ += part->sink.text;
    list_.push_back(described(path, workload, number, candidate));
    ++part;
  }
  return {};
}

}  // namespace trapline::viewer
