// The same workloads over several delivery paths: what an event costs on each, where that goes, and what
// makes the difference.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/distribution.h"
#include "tracer/recording/info.h"
#include "tracer/recording/session.h"
#include "tracer/timeline/timeline.h"

namespace trapline::analysis {

enum class Phase : std::uint8_t { delivery, handler, return_ };  // U0 to K1, K1 to K2, K2 to U3
inline constexpr std::array kAllPhases = {Phase::delivery, Phase::handler, Phase::return_};
inline constexpr std::size_t kPhases = kAllPhases.size();
[[nodiscard]] std::string_view phase_name(Phase phase);  // "delivery", "handler", "return"

// Where time went. `waiting`: the guest had halted, or the vCPU's thread slept or was preempted. `unknown`:
// records were lost.
enum class Place : std::uint8_t { guest, kvm, vmm, waiting, unknown };
inline constexpr std::array kAllPlaces = {Place::guest, Place::kvm, Place::vmm, Place::waiting,
                                          Place::unknown};
inline constexpr std::size_t kPlaces = kAllPlaces.size();
[[nodiscard]] std::string_view place_name(Place place);  // "guest", "kvm", "vmm", "waiting", "unknown"

// Nanoseconds by place.
using PlaceTimes = std::array<std::uint64_t, kPlaces>;

// One workload on one path, over all rounds.
struct Cell {
  std::string path;
  std::string workload;
  std::optional<std::string> skipped;  // why it was left out; then nothing below holds
  // The event comes from outside: U0 to K1 is mostly waiting for it, and says nothing about the path.
  bool waits = false;
  bool round_trip_only = false;  // native: no handler of ours, no exits

  std::uint64_t events = 0;
  std::uint64_t incomplete = 0;  // further events, not in the figures: without a K1 and K2 between U0 and U3
  std::uint64_t user_exits = 0;  // caused by the guest, handled by the VMM
  std::uint64_t kernel_exits = 0;  // caused by the guest, handled by KVM
  std::uint64_t async_exits = 0;   // happened to it
  Distribution round_trip;         // U0 to U3
  // What is compared. The round trip; of an event that waits, without the guest's and the sleeping time
  // before K1.
  Distribution cost;
  std::array<Distribution, kPhases> phases;  // empty where the event has no handler
  std::array<PlaceTimes, kPhases> where{};   // sums over all events; without a handler all in the first
  std::vector<std::string> recordings;       // where they are kept, if they are

  [[nodiscard]] bool has_handler() const { return phases[0].count() != 0; }
  // Of `cost`, per event, on average. Over all phases and places they add up to cost.mean().
  [[nodiscard]] double cost_ns(Phase phase, Place place) const;
};

// Adds the events of `workload` that one recording holds, but for the first `warm_up`.
void add_events(Cell& cell, const tracer::VcpuTimeline& vcpu, std::uint16_t workload, std::uint64_t warm_up);

// What stamping costs itself, from the workload `stamps`.
struct StampCost {
  std::uint64_t between_ns = 0;  // lies between two stamps with nothing between them
  std::uint64_t each_ns = 0;     // one more stamp
  std::uint64_t samples = 0;

  // Of a round trip: between U0 and U3, and K1 and K2 whole if there is a handler.
  [[nodiscard]] std::uint64_t in_round_trip_ns(bool handler) const {
    return between_ns + (handler ? 2 * each_ns : 0);
  }
};
// Even events have nothing between their stamps, odd ones one more stamp.
[[nodiscard]] StampCost stamp_cost(const tracer::VcpuTimeline& vcpu, std::uint16_t workload,
                                   std::uint64_t warm_up);

// What others are compared with, unless told otherwise.
inline constexpr std::string_view kBasePath = "hvm";

struct Comparison {
  recording::RecordingInfo info;  // of the machine
  std::string emulator;           // and its version; empty where it is none that says so
  std::vector<std::string> paths;
  std::string base = std::string(kBasePath);  // the path that others are compared with
  struct Workload {
    std::string name;
    std::string summary;
  };
  std::vector<Workload> workloads;
  std::vector<Cell> cells;  // by workload, then by path
  std::uint32_t rounds = 0;
  std::uint64_t warm_up = 0;  // events discarded in each round of each cell
  std::uint64_t records_lost = 0;
  std::uint64_t clock_bound_ns = 0;  // the worst of all recordings
  std::optional<recording::ProbeCost> probe_cost;
  std::optional<StampCost> stamp_cost;

  // Null when there is none.
  [[nodiscard]] const Cell* find(std::string_view path, std::string_view workload) const;
};

// How many times the base's cost, by medians; none for a cell that is not to be compared.
[[nodiscard]] std::optional<double> ratio(const Cell& cell, const Cell* base);

// By how much a cell's mean cost differs from the base's, and what makes most of the difference.
struct Difference {
  double ns = 0;            // above 0: dearer than the base
  bool measurable = false;  // further from 0 than twice its standard error
  Phase phase = Phase::delivery;
  bool by_phase = false;  // `phase` holds: both have a handler
  Place place = Place::guest;
  double contribution_ns = 0;  // of that place (in that phase), with the sign of the difference
};
[[nodiscard]] std::optional<Difference> difference(const Cell& cell, const Cell* base);

}  // namespace trapline::analysis
