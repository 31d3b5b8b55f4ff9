#include "tracer/clock/guest_clock.h"

#include <optional>

namespace trapline::tracer {

HostNs GuestClock::to_ns(GuestTsc tsc, const HostClock& host, HostNs not_before) const {
  const auto slack = static_cast<std::int64_t>(host.error_bound_ns());
  std::optional<HostNs> latest_before;
  HostNs ns;
  for (std::size_t i = 0; i < epochs_.size(); ++i) {
    ns = host.to_ns(HostTsc{tsc.value - static_cast<std::uint64_t>(epochs_[i].offset)});
    const bool begun = i == 0 || ns_between(epochs_[i].since, ns) >= -slack;
    const bool not_over = i + 1 == epochs_.size() || ns_between(ns, epochs_[i + 1].since) >= -slack;
    if (!begun || !not_over) continue;
    if (ns_between(not_before, ns) >= -slack) return ns;
    if (!latest_before || ns > *latest_before) latest_before = ns;
  }
  return latest_before.value_or(ns);
}

}  // namespace trapline::tracer
