// The tables that a timeline is made of, and their columns: the same in every format that is made of rows.
// docs/exports.md says what each column is; docs/timeline.schema.json is the same for programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace trapline::viewer {

enum class TimelineTable : std::uint8_t {
  vcpus,
  states,
  exits,
  vmm_steps,
  injections,
  isrs,
  events,
  interrupts,
};
inline constexpr std::size_t kTimelineTables = 8;

[[nodiscard]] std::string_view table_name(TimelineTable table);  // "vmm_steps"
[[nodiscard]] std::optional<TimelineTable> table_of(std::string_view name);
[[nodiscard]] std::span<const std::string_view> columns_of(TimelineTable table);

}  // namespace trapline::viewer
