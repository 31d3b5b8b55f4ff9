#include "tracer/live/live_sampler.h"

#include <algorithm>
#include <map>

#include "tracer/exits/describe.h"

namespace trapline::tracer {
namespace {

std::uint64_t less(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

std::uint16_t vcpu_of(std::uint64_t key) {
  return static_cast<std::uint16_t>((key >> TRL_TOP_VCPU_SHIFT) - 1);
}
bool is_vector(std::uint64_t key) {
  return (key >> TRL_TOP_KIND_SHIFT & 0xf) == TRL_TOP_VECTOR;
}

// An exit cycle as the recorder would have it, as far as the key tells.
trl_exit_cycle cycle_of(std::uint64_t key, recording::Isa isa) {
  trl_exit_cycle cycle{};
  const auto reason = static_cast<std::uint32_t>(key >> TRL_TOP_REASON_SHIFT & 0xffff);
  cycle.exit_ns = 1;
  if (isa == recording::Isa::vmx) {
    cycle.flags = TRL_ISA_VMX;
    cycle.reason = reason | ((key & TRL_TOP_FAILED_ENTRY) != 0 ? 1u << 31 : 0);
  } else {
    cycle.flags = TRL_ISA_SVM;
    cycle.reason = reason == TRL_TOP_OTHER_REASON ? ~std::uint32_t{0} : reason;
  }
  cycle.info1 = (key & 0xffff) << 16 | (key >> 16 & 0x7f);
  return cycle;
}

LiveFigures figures_between(const trl_top_row& before, const trl_top_row& now) {
  LiveFigures figures;
  figures.count = less(now.timed, before.timed);
  figures.total_ns = less(now.total_ns, before.total_ns);
  figures.max_ns = now.max_ns;
  for (std::size_t bucket = 0; bucket < figures.histogram.size(); ++bucket)
    figures.histogram[bucket] = now.histogram[bucket] - before.histogram[bucket];  // 32 bits that go round
  return figures;
}

// Two threads may have made a row each for one vector.
void add_row(trl_top_row& sum, const trl_top_row& row) {
  sum.count += row.count;
  sum.to_user += row.to_user;
  sum.timed += row.timed;
  sum.total_ns += row.total_ns;
  sum.user_ns += row.user_ns;
  sum.max_ns = std::max(sum.max_ns, row.max_ns);
  sum.accepted += row.accepted;
  sum.posted += row.posted;
  for (std::size_t bucket = 0; bucket < kTopBuckets; ++bucket)
    sum.histogram[bucket] += row.histogram[bucket];
}

LiveLosses losses_between(const LiveLosses& before, const LiveLosses& now) {
  return {less(now.exits_without_row, before.exits_without_row),
          less(now.vectors_without_row, before.vectors_without_row),
          less(now.not_followed, before.not_followed), less(now.skipped, before.skipped),
          less(now.unattributed, before.unattributed)};
}

// What is not in an exit is in the guest.
LiveVcpu vcpu_in(const LiveVcpuState& state, const LiveInterval& interval) {
  LiveVcpu vcpu;
  vcpu.number = state.number;
  vcpu.vm = state.vm;
  vcpu.vcpu_id = state.vcpu_id;
  vcpu.tid = state.tid;
  vcpu.ended = state.ended_ns != 0;
  const std::uint64_t until = vcpu.ended ? std::min(state.ended_ns, interval.to_ns) : interval.to_ns;
  vcpu.lived_ns = less(until, std::max(state.seen_ns, interval.from_ns));
  std::uint64_t rest = vcpu.lived_ns;
  const auto take = [&rest](std::uint64_t ns) {
    const std::uint64_t taken = std::min(ns, rest);
    rest -= taken;
    return taken;
  };
  for (const LiveExits& exits : interval.exits) {
    if (exits.vcpu != state.number) continue;
    if (exits.halts) {
      vcpu.halted_ns += take(exits.time_ns);
    } else {
      vcpu.user_ns += take(exits.user_ns);
      vcpu.kvm_ns += take(less(exits.time_ns, exits.user_ns));
    }
  }
  vcpu.guest_ns = rest;
  return vcpu;
}

}  // namespace

struct LiveSampler::Now {
  trl_top_row row{};
  std::uint64_t open_ns = 0;
  std::uint64_t open_user_ns = 0;
};

void LiveSampler::add_exits(LiveInterval& interval, const Now& now, const Before& before,
                            recording::Isa isa) const {
  LiveExits exits;
  exits.vcpu = vcpu_of(now.row.key);
  exits.figures = figures_between(before.row, now.row);
  exits.to_user = less(now.row.to_user, before.row.to_user);
  // A cycle that spans several intervals is told in each by its part; what was told before is not told again
  // at its end.
  exits.time_ns = less(now.row.total_ns + now.open_ns, before.row.total_ns + before.open_ns);
  exits.user_ns = std::min(less(now.row.user_ns + now.open_user_ns, before.row.user_ns + before.open_user_ns),
                           exits.time_ns);
  if (exits.figures.count == 0 && exits.time_ns == 0) return;
  const trl_exit_cycle cycle = cycle_of(now.row.key, isa);
  const ExitDescription description = describe(cycle);
  exits.reason = description.reason;
  exits.halts = is_halt(description);
  if (description.subject.kind == ExitSubject::Kind::port) exits.io = io_of(kind_of(cycle));
  interval.exits.push_back(std::move(exits));
}

LiveInterval LiveSampler::next(const LiveReading& reading) {
  LiveInterval interval;
  interval.from_ns = last_ns_;
  interval.to_ns = std::max(reading.at_ns, last_ns_);

  std::map<std::uint64_t, Now> rows;  // in order, so that equal readings give equal intervals
  for (const trl_top_row& row : reading.rows) {
    trl_top_row& sum = rows[row.key].row;
    sum.key = row.key;
    add_row(sum, row);
  }
  for (const LiveVcpuState& state : reading.vcpus) {
    if (state.open_since_ns == 0 || state.open_key == 0) continue;
    Now& now = rows[state.open_key];
    now.row.key = state.open_key;
    now.open_ns = less(reading.at_ns, state.open_since_ns);
    now.open_user_ns = state.in_user_since_ns == 0 ? 0 : less(reading.at_ns, state.in_user_since_ns);
  }

  std::unordered_map<std::uint64_t, Before> kept;
  for (const auto& [key, now] : rows) {
    const auto found = before_.find(key);
    // Counters that are lower than they were have begun again.
    const bool goes_on = found != before_.end() && now.row.count >= found->second.row.count;
    const Before before = goes_on ? found->second : Before{};
    if (is_vector(key)) {
      LiveVector vector{vcpu_of(key),
                        static_cast<std::uint32_t>(key & 0x7ff),
                        less(now.row.count, before.row.count),
                        less(now.row.accepted, before.row.accepted),
                        less(now.row.posted, before.row.posted),
                        figures_between(before.row, now.row)};
      if (vector.injected != 0 || vector.accepted != 0) interval.vectors.push_back(vector);
    } else {
      add_exits(interval, now, before, reading.isa);
    }
    kept[key] = {now.row, now.open_ns, now.open_user_ns};
  }
  for (const std::uint64_t key : reading.freed)
    kept.erase(key);

  for (const LiveVcpuState& state : reading.vcpus) {
    const LiveVcpu vcpu = vcpu_in(state, interval);
    if (vcpu.tid != 0 && vcpu.lived_ns != 0) interval.vcpus.push_back(vcpu);
  }
  for (const LiveVm& vm : reading.vms) {
    if (std::ranges::any_of(interval.vcpus, [&](const LiveVcpu& vcpu) { return vcpu.vm == vm.number; }))
      interval.vms.push_back(vm);
  }
  interval.losses = losses_between(last_losses_, reading.losses);
  interval.losses_before = last_losses_;
  last_losses_ = reading.losses;
  before_ = std::move(kept);
  last_ns_ = interval.to_ns;
  return interval;
}

}  // namespace trapline::tracer
