#include "viewer/perfetto/guest_clocks.h"

#include <algorithm>

namespace trapline::viewer {
namespace {

constexpr std::uint64_t kApartNs = 1'000'000'000;
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kMostKhz = ~std::uint64_t{0} / kNsPerMs;

std::uint64_t tsc_to_ns(std::uint64_t tsc, std::uint64_t khz) {
  return tsc / khz * kNsPerMs + tsc % khz * kNsPerMs / khz;
}

bool goes_on(const ClockReading& before, const ClockReading& after) {
  return before.at < after.at &&
         std::ranges::equal(before.guests, after.guests, [](const auto& a, const auto& b) {
           return a.vcpu == b.vcpu && a.guest_ns < b.guest_ns;
         });
}

}  // namespace

std::vector<ClockReading> guest_clock_readings(const recording::RecordingInfo& info,
                                               const std::vector<recording::VcpuStarted>& vcpus,
                                               const std::vector<recording::ClockSample>& samples) {
  std::vector<ClockReading> readings;
  for (const auto& sample : samples) {
    if (!readings.empty() && sample.ns.value < readings.back().at.value + kApartNs) continue;
    ClockReading reading{sample.ns, {}};
    for (const auto& started : vcpus) {
      // Of a VM of another VMM nothing is known of its clock.
      if (started.guest_tsc_khz == 0 && info.path.empty()) continue;
      const std::uint64_t khz = started.guest_tsc_khz != 0 ? started.guest_tsc_khz : info.tsc_khz;
      if (khz == 0 || khz > kMostKhz) continue;
      const std::uint64_t guest_tsc = sample.tsc.value + static_cast<std::uint64_t>(started.tsc_offset);
      // Before its own zero a guest's clock shows nothing that a nanosecond count could say.
      if (static_cast<std::int64_t>(guest_tsc) < 0) continue;
      reading.guests.push_back({started.vcpu, tsc_to_ns(guest_tsc, khz)});
    }
    std::ranges::sort(reading.guests, {}, &GuestClockReading::vcpu);
    const auto same = [](const auto& a, const auto& b) { return a.vcpu == b.vcpu; };
    reading.guests.erase(std::unique(reading.guests.begin(), reading.guests.end(), same),
                         reading.guests.end());
    if (readings.empty() || goes_on(readings.back(), reading)) readings.push_back(std::move(reading));
  }
  return readings;
}

}  // namespace trapline::viewer
