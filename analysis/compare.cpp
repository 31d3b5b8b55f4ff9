#include "analysis/compare.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace trapline::analysis {
namespace {

using tracer::State;
using tracer::StateSlice;
using tracer::WorkloadEvent;

constexpr std::size_t index(Phase phase) {
  return static_cast<std::size_t>(phase);
}
constexpr std::size_t index(Place place) {
  return static_cast<std::size_t>(place);
}

Place place_of(State state) {
  switch (state) {
    case State::guest:
      return Place::guest;
    case State::kvm:
      return Place::kvm;
    case State::vmm:
      return Place::vmm;
    case State::kvm_runnable:
    case State::vmm_runnable:
    case State::kvm_blocked:
    case State::vmm_blocked:
    case State::halt_poll:
    case State::halted:
      return Place::waiting;
    case State::unknown:
      break;
  }
  return Place::unknown;
}

// Splits stretches of time by what the vCPU's states say of them. Stretches come in the order of time.
class Splitter {
 public:
  explicit Splitter(std::span<const StateSlice> states) : states_(states) {}

  PlaceTimes split(HostNs begin, HostNs end) {
    while (next_ < states_.size() && states_[next_].end <= begin)
      ++next_;
    PlaceTimes times{};
    HostNs at = begin;
    for (std::size_t i = next_; i < states_.size() && states_[i].begin < end && at < end; ++i) {
      if (at < states_[i].begin) {
        times[index(Place::unknown)] += states_[i].begin.value - at.value;
        at = states_[i].begin;
      }
      const HostNs until = std::min(states_[i].end, end);
      times[index(place_of(states_[i].state))] += until.value - at.value;
      at = until;
    }
    if (at < end) times[index(Place::unknown)] += end.value - at.value;
    return times;
  }

 private:
  std::span<const StateSlice> states_;
  std::size_t next_ = 0;
};

std::uint64_t sum(const PlaceTimes& times) {
  std::uint64_t total = 0;
  for (const std::uint64_t ns : times)
    total += ns;
  return total;
}

void add(PlaceTimes& to, const PlaceTimes& times) {
  for (std::size_t i = 0; i < times.size(); ++i)
    to[i] += times[i];
}

bool in_order(const WorkloadEvent& event) {
  return event.k1 && event.k2 && event.u0 <= *event.k1 && *event.k1 <= *event.k2 && *event.k2 <= event.u3;
}

// Whether a place before K1 is the wait for the event, and not what its delivery costs.
bool is_wait(const Cell& cell, Phase phase, Place place) {
  if (!cell.waits) return false;
  if (place == Place::waiting) return true;
  return phase == Phase::delivery && place == Place::guest;
}

std::uint64_t cost_of(const Cell& cell, const std::array<PlaceTimes, kPhases>& where) {
  std::uint64_t cost = 0;
  for (const Phase phase : kAllPhases) {
    for (const Place place : kAllPlaces) {
      if (!is_wait(cell, phase, place)) cost += where[index(phase)][index(place)];
    }
  }
  return cost;
}

void add_event(Cell& cell, const WorkloadEvent& event, bool handler, Splitter& splitter) {
  std::array<PlaceTimes, kPhases> where{};
  if (handler) {
    const std::array<HostNs, kPhases + 1> bounds = {event.u0, *event.k1, *event.k2, event.u3};
    for (std::size_t i = 0; i < kPhases; ++i) {
      where[i] = splitter.split(bounds[i], bounds[i + 1]);
      cell.phases[i].add(sum(where[i]));
    }
  } else {
    where[0] = splitter.split(event.u0, event.u3);
  }
  ++cell.events;
  cell.user_exits += event.user_exits;
  cell.kernel_exits += event.kernel_exits;
  cell.async_exits += event.async_exits;
  cell.round_trip.add(event.u3.value - event.u0.value);
  cell.cost.add(cost_of(cell, where));
  for (std::size_t i = 0; i < kPhases; ++i)
    add(cell.where[i], where[i]);
}

double standard_error_squared(const Distribution& of) {
  return of.count() == 0 ? 0 : of.stddev() * of.stddev() / static_cast<double>(of.count());
}

bool comparable(const Cell& cell, const Cell* base) {
  return base != nullptr && base != &cell && !cell.skipped && !base->skipped && !cell.round_trip_only &&
         cell.events != 0 && base->events != 0;
}

}  // namespace

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::delivery:
      return "delivery";
    case Phase::handler:
      return "handler";
    case Phase::return_:
      break;
  }
  return "return";
}

std::string_view place_name(Place place) {
  switch (place) {
    case Place::guest:
      return "guest";
    case Place::kvm:
      return "kvm";
    case Place::vmm:
      return "vmm";
    case Place::waiting:
      return "waiting";
    case Place::unknown:
      break;
  }
  return "unknown";
}

double Cell::cost_ns(Phase phase, Place place) const {
  if (events == 0 || is_wait(*this, phase, place)) return 0;
  return static_cast<double>(where[index(phase)][index(place)]) / static_cast<double>(events);
}

void add_events(Cell& cell, const tracer::VcpuTimeline& vcpu, std::uint16_t workload, std::uint64_t warm_up) {
  std::vector<const WorkloadEvent*> events;
  for (const WorkloadEvent& event : vcpu.events) {
    if (event.workload == workload && event.iteration >= warm_up && event.u0 <= event.u3)
      events.push_back(&event);
  }
  // An interrupt that comes between by chance does not make a handler of its own workload's.
  const auto complete = static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(), [](const auto* event) { return in_order(*event); }));
  const bool handler = complete * 2 > events.size();
  Splitter splitter(vcpu.states);
  for (const WorkloadEvent* event : events) {
    if (handler && !in_order(*event)) {
      ++cell.incomplete;
      continue;
    }
    add_event(cell, *event, handler, splitter);
  }
}

StampCost stamp_cost(const tracer::VcpuTimeline& vcpu, std::uint16_t workload, std::uint64_t warm_up) {
  std::array<Distribution, 2> trips;  // by parity
  for (const WorkloadEvent& event : vcpu.events) {
    if (event.workload != workload || event.iteration < warm_up || event.u3 < event.u0) continue;
    trips[event.iteration % 2].add(event.u3.value - event.u0.value);
  }
  StampCost cost;
  cost.samples = trips[0].count() + trips[1].count();
  cost.between_ns = trips[0].percentile(50);
  cost.each_ns = trips[1].percentile(50) - std::min(trips[1].percentile(50), cost.between_ns);
  return cost;
}

const Cell* Comparison::find(std::string_view path, std::string_view workload) const {
  for (const Cell& cell : cells) {
    if (cell.path == path && cell.workload == workload) return &cell;
  }
  return nullptr;
}

std::optional<double> ratio(const Cell& cell, const Cell* base) {
  if (base == nullptr || cell.skipped || base->skipped || cell.round_trip_only) return std::nullopt;
  const std::uint64_t divisor = base->cost.percentile(50);
  if (divisor == 0 || cell.events == 0) return std::nullopt;
  return static_cast<double>(cell.cost.percentile(50)) / static_cast<double>(divisor);
}

std::optional<Difference> difference(const Cell& cell, const Cell* base) {
  if (!comparable(cell, base)) return std::nullopt;
  Difference found;
  found.ns = cell.cost.mean() - base->cost.mean();
  const double error = std::sqrt(standard_error_squared(cell.cost) + standard_error_squared(base->cost));
  found.measurable = std::abs(found.ns) > 2 * error;
  found.by_phase = cell.has_handler() && base->has_handler();
  const double sign = found.ns < 0 ? -1 : 1;
  const auto consider = [&](Phase phase, Place place, double ns) {
    if (ns * sign <= found.contribution_ns * sign) return;
    found.phase = phase;
    found.place = place;
    found.contribution_ns = ns;
  };
  for (const Place place : kAllPlaces) {
    double over_phases = 0;
    for (const Phase phase : kAllPhases) {
      const double ns = cell.cost_ns(phase, place) - base->cost_ns(phase, place);
      over_phases += ns;
      if (found.by_phase) consider(phase, place, ns);
    }
    if (!found.by_phase) consider(Phase::delivery, place, over_phases);
  }
  return found;
}

}  // namespace trapline::analysis
