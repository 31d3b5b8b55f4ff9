#include "tests/support/pftrace.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <protozero/pbf_reader.hpp>

namespace trapline::test {
namespace {

using protozero::pbf_reader;

struct Event {
  std::uint64_t at = 0;
  std::string content;
};

class Reader {
 public:
  Pftrace read(std::string_view bytes) {
    pbf_reader trace(bytes.data(), bytes.size());
    while (trace.next(1))
      packet(trace.get_message());
    // Packets of one time stay in their order.
    std::ranges::stable_sort(events_, {}, &Event::at);
    for (const Event& one : events_)
      event(one);
    for (const auto& [track, open] : open_) {
      if (!open.empty()) fault("track {} has slices that never end", track);
    }
    return std::move(trace_);
  }

 private:
  template <typename... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    trace_.faults.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  void packet(pbf_reader packet) {
    std::uint64_t timestamp = 0;
    std::optional<std::string> event;
    while (packet.next()) {
      switch (packet.tag()) {
        case 6:
          clock_snapshot(packet.get_message());
          break;
        case 8:
          timestamp = packet.get_uint64();
          break;
        case 11:
          event = packet.get_bytes();
          break;
        case 12:
          interned(packet.get_message());
          break;
        case 59:
          defaults(packet.get_message());
          break;
        case 60:
          track(packet.get_message());
          break;
        default:
          packet.skip();
      }
    }
    if (event) events_.push_back({timestamp, *event});
  }

  void clock_snapshot(pbf_reader snapshot) {
    auto& clocks = trace_.clocks.emplace_back();
    while (snapshot.next(1)) {
      pbf_reader clock = snapshot.get_message();
      std::uint64_t id = 0;
      std::uint64_t at = 0;
      while (clock.next()) {
        if (clock.tag() == 1) {
          id = clock.get_uint32();
        } else if (clock.tag() == 2) {
          at = clock.get_uint64();
        } else {
          clock.skip();
        }
      }
      clocks[id] = at;
    }
  }

  void defaults(pbf_reader defaults) {
    while (defaults.next(58))
      trace_.timestamp_clock = defaults.get_uint32();
  }

  void interned(pbf_reader data) {
    while (data.next()) {
      const auto kind = data.tag();
      pbf_reader entry = data.get_message();
      std::uint64_t iid = 0;
      std::string text;
      while (entry.next()) {
        if (entry.tag() == 1) {
          iid = entry.get_uint64();
        } else {
          text = entry.get_string();
        }
      }
      if (!texts_.emplace(std::pair{kind, iid}, text).second) fault("{} {} is interned twice", kind, iid);
    }
  }

  std::string text(unsigned kind, std::uint64_t iid) {
    const auto found = texts_.find({kind, iid});
    if (found != texts_.end()) return found->second;
    fault("{} {} is not interned", kind, iid);
    return {};
  }

  void track(pbf_reader descriptor) {
    std::uint64_t uuid = 0;
    PftraceTrack track;
    while (descriptor.next()) {
      switch (descriptor.tag()) {
        case 1:
          uuid = descriptor.get_uint64();
          break;
        case 2:
          track.name = descriptor.get_string();
          break;
        case 5:
          track.parent = descriptor.get_uint64();
          break;
        case 11:
          track.children_by_rank = descriptor.get_int32() == 3;
          break;
        case 12:
          track.rank = descriptor.get_int32();
          break;
        default:
          descriptor.skip();
      }
    }
    if (!trace_.tracks.emplace(uuid, track).second) fault("track {} is described twice", uuid);
  }

  void annotation(pbf_reader of, PftraceSlice& slice) {
    std::string name;
    std::string value;
    while (of.next()) {
      switch (of.tag()) {
        case 1:
          name = text(3, of.get_uint64());
          break;
        case 2:
          value = of.get_bool() ? "true" : "false";
          break;
        case 3:
          value = std::to_string(of.get_uint64());
          break;
        case 7:
          value = fmt::format("{:#x}", of.get_uint64());
          break;
        case 17:
          value = text(29, of.get_uint64());
          break;
        default:
          of.skip();
      }
    }
    if (!slice.args.emplace(name, value).second) fault("{} has two arguments {}", slice.name, name);
  }

  void event(const Event& one) {
    pbf_reader event(one.content);
    PftraceSlice said;
    int type = 0;
    while (event.next()) {
      switch (event.tag()) {
        case 3:
          said.category = text(1, event.get_uint64());
          break;
        case 4:
          annotation(event.get_message(), said);
          break;
        case 9:
          type = event.get_int32();
          break;
        case 10:
          said.name = text(2, event.get_uint64());
          break;
        case 11:
          said.track = event.get_uint64();
          break;
        case 47:
          said.flows.push_back(event.get_fixed64());
          break;
        case 48:
          said.ended_flows.push_back(event.get_fixed64());
          break;
        default:
          event.skip();
      }
    }
    if (!trace_.tracks.contains(said.track)) fault("track {} is not described", said.track);
    auto& open = open_[said.track];
    if (type == 1) {
      said.begin = one.at;
      said.depth = static_cast<int>(open.size());
      open.push_back(trace_.slices.size());
      trace_.slices.push_back(std::move(said));
      return;
    }
    if (type != 2 || open.empty()) return fault("an event of type {} that ends no slice", type);
    PftraceSlice& slice = trace_.slices[open.back()];
    open.pop_back();
    slice.end = one.at;
    slice.args.merge(said.args);
    slice.flows.insert(slice.flows.end(), said.flows.begin(), said.flows.end());
    slice.ended_flows.insert(slice.ended_flows.end(), said.ended_flows.begin(), said.ended_flows.end());
  }

  Pftrace trace_;
  std::map<std::pair<unsigned, std::uint64_t>, std::string> texts_;
  std::vector<Event> events_;
  std::map<std::uint64_t, std::vector<std::size_t>> open_;
};

}  // namespace

std::vector<PftraceSlice> Pftrace::named(std::string_view name) const {
  std::vector<PftraceSlice> found;
  std::ranges::copy_if(slices, std::back_inserter(found),
                       [&](const auto& slice) { return slice.name == name; });
  return found;
}

std::string Pftrace::path(std::uint64_t track) const {
  const auto found = tracks.find(track);
  if (found == tracks.end()) return "?";
  const auto& [uuid, of] = *found;
  return of.parent == 0 ? of.name : path(of.parent) + "/" + of.name;
}

Pftrace read_pftrace(std::string_view bytes) {
  return Reader().read(bytes);
}

}  // namespace trapline::test
