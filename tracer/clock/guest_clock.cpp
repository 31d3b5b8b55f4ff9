#include "tracer/clock/guest_clock.h"

namespace trapline::tracer {

HostNs GuestClock::to_ns(GuestTsc tsc, const HostClock& host, HostNs not_before) const {
  const auto date = [&](const Epoch& epoch) {
    return host.to_ns(HostTsc{tsc.value - static_cast<std::uint64_t>(epoch.offset)});
  };
  // An epoch fits when the date falls into it; dates may be off by the clock's error at its borders. Of two
  // that fit, the later one that does not lie before the previous stamp.
  const std::int64_t slack = static_cast<std::int64_t>(host.error_bound_ns());
  for (std::size_t i = epochs_.size(); i-- > 0;) {
    const HostNs ns = date(epochs_[i]);
    const bool begun = i == 0 || ns_between(epochs_[i].since, ns) >= -slack;
    const bool not_over = i + 1 == epochs_.size() || ns_between(ns, epochs_[i + 1].since) >= -slack;
    if (begun && not_over && ns_between(not_before, ns) >= -slack) return ns;
  }
  return date(epochs_.back());
}

}  // namespace trapline::tracer
