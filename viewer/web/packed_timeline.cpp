#include "viewer/web/packed_timeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "tracer/exits/events.h"
#include "tracer/exits/user_exits.h"
#include "viewer/vector_label.h"
#include "viewer/web/embedded.h"
#include "vmm/steps.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using tracer::Exit;
using tracer::Interrupt;

// Over all vCPUs: what is gathered before it is written bounds the memory.
constexpr std::size_t kGatheredRows = std::size_t{1} << 18;
constexpr std::size_t kMostRows = std::size_t{1} << 16;
constexpr std::size_t kLeastRows = std::size_t{1} << 11;
// Steps carry addresses; beyond this many texts they are named without.
constexpr std::size_t kMostTexts = std::size_t{1} << 16;

template <std::size_t N, typename Name>
json names(Name name) {
  json list = json::array();
  for (std::size_t i = 0; i < N; ++i)
    list.push_back(name(i));
  return list;
}

template <typename Number>
json by_number(const std::map<Number, std::string>& names) {
  json object = json::object();
  for (const auto& [number, name] : names)
    object[fmt::format("{}", number)] = name;
  return object;
}

// Whose this vCPU of the recording is: `vm` and `vcpu_id` are what the report's rows carry.
json vcpu_json(std::uint16_t vcpu, const tracer::RecordedVms& machines) {
  const tracer::VcpuOfVm of = machines.vcpu(vcpu);
  const recording::Vm* vm = machines.find(of.vm);
  return {{"vcpu", vcpu}, {"vm", of.vm}, {"vcpu_id", of.vcpu_id}, {"vm_name", vm == nullptr ? "" : vm->name}};
}

std::uint32_t number_of(const std::string& text, std::unordered_map<std::string, std::uint32_t>& numbers) {
  return numbers.try_emplace(text, static_cast<std::uint32_t>(numbers.size())).first->second;
}

}  // namespace

PackedTimeline::PackedTimeline(unsigned number, std::size_t vcpus, std::uint64_t most_items, TextBuffer& out)
    : number_(number),
      most_items_(most_items),
      rows_of_a_chunk_(std::clamp(kGatheredRows / std::max<std::size_t>(vcpus, 1), kLeastRows, kMostRows)),
      out_(out) {}

void PackedTimeline::begin(const tracer::TimelineHead& head) {
  head_ = head;
}

PackedTime PackedTimeline::time(HostNs at) const {
  return std::clamp(static_cast<std::int64_t>(at.value - head_.begin.value), -kFarthestNs, kFarthestNs);
}

OptionalTime PackedTimeline::time(const std::optional<HostNs>& at) const {
  return at ? OptionalTime(time(*at)) : std::nullopt;
}

TimelineChunk& PackedTimeline::chunk(std::uint16_t vcpu) {
  auto& found = chunks_[vcpu];
  if (!found) found = std::make_unique<TimelineChunk>(vcpu);
  return *found;
}

void PackedTimeline::added(std::uint64_t& count, TimelineChunk& chunk) {
  ++count;
  if (chunk.longest_table() >= rows_of_a_chunk_) flush(chunk);
}

void PackedTimeline::flush(TimelineChunk& chunk) {
  const PackedChunk packed = chunk.take();
  if (too_many() || !status_) return;
  status_ = embed_bytes(number_, "hot", packed.hot, out_);
  if (status_) status_ = embed_bytes(number_, "cold", packed.cold, out_);
}

std::uint32_t PackedTimeline::kind_of(const Exit& exit) {
  const tracer::ExitDescription& what = *exit.what;
  if (what.index >= kinds_.size()) kinds_.resize(what.index + std::size_t{1});
  if (kinds_[what.index].is_null()) {
    kinds_[what.index] = {
        {"reason", what.reason}, {"key", what.key}, {"cause", tracer::cause_name(what.cause)}};
  }
  return what.index;
}

std::uint32_t PackedTimeline::text_of(const tracer::VmmStep& step) {
  const auto which = static_cast<vmm::VmmStep>(step.step);
  std::string text = texts_.size() < kMostTexts ? vmm::describe_step(which, step.vector, step.arg)
                                                : vmm::step_kind_name(which, step.vector);
  const std::uint32_t number = number_of(text, texts_);
  if (number == text_rows_.size())
    text_rows_.push_back({{"text", text}, {"kind", vmm::step_kind_name(which, step.vector)}});
  return number;
}

void PackedTimeline::name_vector(std::uint32_t vector) {
  const auto [found, is_new] = vectors_.try_emplace(vector);
  if (is_new) found->second = vector_label(vector);
}

std::uint32_t PackedTimeline::shape_of(const Interrupt& interrupt) {
  json by = json::array();
  for (const tracer::LinkPoint& point : interrupt.links)
    by.push_back(static_cast<unsigned>(point.by));
  json shape = {
      {"vector", interrupt.vector},
      {"source", tracer::source_name(interrupt.source)},
      {"by", by},
      {"missing", interrupt.missing},
      {"depth", interrupt.depth},
      {"posted", interrupt.posted},
      {"delivered_twice", interrupt.delivered_twice},
      {"tid", interrupt.raised_by_tid},
      {"raised_by_vcpu", interrupt.raised_by_vcpu ? json(*interrupt.raised_by_vcpu) : json(nullptr)}};
  const std::uint32_t number = number_of(shape.dump(), shapes_);
  if (number == shape_rows_.size()) shape_rows_.push_back(std::move(shape));
  return number;
}

void PackedTimeline::state(std::uint16_t vcpu, const tracer::StateSlice& slice) {
  TimelineChunk& to = chunk(vcpu);
  to.states.push_back({time(slice.begin), time(slice.end), slice.state});
  added(counts_.states, to);
}

void PackedTimeline::exit(std::uint16_t vcpu, const Exit& exit) {
  TimelineChunk& to = chunk(vcpu);
  PackedExit row;
  row.begin = time(exit.exit);
  row.end = time(exit.entry);
  row.user_exit = time(exit.user_exit);
  if (exit.vmm_begin && exit.vmm_end) {
    row.vmm_begin = time(exit.vmm_begin);
    row.vmm_end = time(exit.vmm_end);
  }
  row.kind = kind_of(exit);
  row.open = exit.open;
  row.halts = exit.halts;
  row.record = exit.record;
  if (exit.user_exit) {
    const auto [found, is_new] = user_reasons_.try_emplace(exit.record.user_reason);
    if (is_new) found->second = tracer::user_exit_name(exit.record.user_reason);
  }
  to.exits.push_back(row);
  added(counts_.exits, to);
}

void PackedTimeline::step(std::uint16_t vcpu, const tracer::VmmStep& step) {
  TimelineChunk& to = chunk(vcpu);
  to.steps.push_back({time(step.begin), time(step.end), text_of(step)});
  added(counts_.steps, to);
}

void PackedTimeline::injection(std::uint16_t vcpu, const tracer::Injection& injection) {
  TimelineChunk& to = chunk(vcpu);
  name_vector(injection.vector);
  to.injections.push_back({time(injection.at), time(injection.isr_entry), injection.vector,
                           injection.exception, injection.reinjected, injection.interrupt});
  added(counts_.injections, to);
}

void PackedTimeline::isr(std::uint16_t vcpu, const tracer::Isr& isr) {
  TimelineChunk& to = chunk(vcpu);
  name_vector(isr.vector);
  workloads_.try_emplace(isr.workload, head_.workload_name(isr.workload));
  to.isrs.push_back({time(isr.entry), time(isr.iret), time(isr.eoi), isr.vector, isr.workload, isr.depth,
                     isr.complete, isr.interrupt});
  added(counts_.isrs, to);
}

void PackedTimeline::event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) {
  TimelineChunk& to = chunk(vcpu);
  workloads_.try_emplace(event.workload, head_.workload_name(event.workload));
  to.events.push_back({event.workload, event.iteration, time(event.u0), time(event.k1), time(event.k2),
                       time(event.u3), event.handler_vcpu, event.user_exits, event.kernel_exits,
                       event.async_exits});
  added(counts_.events, to);
}

void PackedTimeline::interrupt(const Interrupt& interrupt) {
  TimelineChunk& to = chunk(interrupt.vcpu);
  name_vector(interrupt.vector);
  PackedStory story;
  story.id = interrupt.id;
  story.shape = shape_of(interrupt);
  for (std::size_t i = 0; i < tracer::kLinks; ++i) {
    if (interrupt.links[i].seen()) story.links[i] = time(interrupt.links[i].at);
  }
  story.coalesced = interrupt.coalesced;
  story.reinjections = interrupt.reinjections;
  story.entries_masked = interrupt.entries_masked;
  to.stories.push_back(story);
  added(counts_.stories, to);
}

void PackedTimeline::end(HostNs end) {
  end_ns_ = time(end);
  for (auto& [vcpu, chunk] : chunks_)
    flush(*chunk);
}

Result<json> PackedTimeline::dictionaries(const recording::RecordingReader& reader) const {
  if (!status_) return tl::unexpected(status_.error());
  json vcpus = json::array();
  for (const auto& [vcpu, chunk] : chunks_)
    vcpus.push_back(vcpu_json(vcpu, head_.machines));
  const auto& info = reader.info();
  return json{{"schema", "trapline.packed/1"},
              {"path", info.path},
              {"time_kind", recording::time_kind_name(info.time_kind)},
              {"origin_monotonic_ns", fmt::format("{}", head_.begin.value)},
              {"end_ns", end_ns_},
              {"clock_bound_ns", head_.clock_bound_ns},
              {"counts",
               {{"exits", counts_.exits},
                {"states", counts_.states},
                {"steps", counts_.steps},
                {"injections", counts_.injections},
                {"isrs", counts_.isrs},
                {"events", counts_.events},
                {"interrupts", counts_.stories}}},
              {"vcpus", vcpus},
              {"kinds", kinds_},
              {"texts", text_rows_},
              {"shapes", shape_rows_},
              {"vectors", by_number(vectors_)},
              {"user_reasons", by_number(user_reasons_)},
              {"workloads", by_number(workloads_)},
              {"states", names<tracer::kStates>([](std::size_t i) {
                 return std::string(tracer::state_name(static_cast<tracer::State>(i)));
               })},
              {"links", names<tracer::kLinks>([](std::size_t i) {
                 return std::string(tracer::link_name(static_cast<tracer::Link>(i)));
               })},
              {"linked_by", names<static_cast<std::size_t>(tracer::LinkedBy::order) + 1>([](std::size_t i) {
                 return std::string(tracer::linked_by_name(static_cast<tracer::LinkedBy>(i)));
               })},
              {"event_types", names<8>([](std::size_t i) {
                 return std::string(tracer::event_type_name(static_cast<tracer::EventType>(i)));
               })}};
}

}  // namespace trapline::viewer
