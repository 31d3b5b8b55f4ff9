#include "vmm/machine/stamp_text.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "vmm/paths/workloads.h"

namespace trapline::vmm {

namespace {

// By enum guest_stamp_kind.
constexpr std::array<std::string_view, 8> kKinds{"", "U0", "K1", "K2", "U3", "EOI", "begin", "end"};

std::string or_number(std::string_view name, std::uint16_t number) {
  return name.empty() ? fmt::format("?{}", number) : std::string(name);
}

void add_line(std::string& text, const guest_stamp& stamp, std::uint64_t first_tsc) {
  const auto ticks = static_cast<std::int64_t>(stamp.tsc - first_tsc);
  const std::string workload =
      stamp.workload == 0 ? "-" : or_number(workload_name(stamp.workload), stamp.workload);
  fmt::format_to(std::back_inserter(text), "  {:>8}  {:>+12}  {:<5}  {:<12}", stamp.seq - 1, ticks,
                 or_number(stamp_kind_name(stamp.kind), stamp.kind), workload);
  if (stamp.vector != 0) fmt::format_to(std::back_inserter(text), "  vector {:#x}", stamp.vector);
  fmt::format_to(std::back_inserter(text), "  {:#x}\n", stamp.arg);
}

}  // namespace

std::string_view stamp_kind_name(std::uint16_t kind) {
  return kind < kKinds.size() ? kKinds[kind] : std::string_view{};
}

std::string stamps_text(std::span<const guest_stamp> stamps) {
  std::string text;
  for (const guest_stamp& stamp : stamps)
    add_line(text, stamp, stamps.front().tsc);
  return text;
}

}  // namespace trapline::vmm
