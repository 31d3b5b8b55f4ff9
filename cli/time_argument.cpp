#include "cli/time_argument.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace trapline::cli {
namespace {

std::optional<std::uint64_t> unit_ns(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us") return 1'000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  return std::nullopt;
}

// The number at the beginning of `text`, which is taken off it.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::uint64_t> parse(std::string_view text, std::string_view bare_unit) {
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  std::string_view decimals;
  if (text.starts_with('.')) {
    const auto end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    decimals = text.substr(1, end - 1);
    if (decimals.empty()) return std::nullopt;
    text.remove_prefix(end);
  }
  const auto unit = unit_ns(text.empty() ? bare_unit : text);
  if (!unit) return std::nullopt;
  std::uint64_t ns = 0;
  if (__builtin_mul_overflow(*whole, *unit, &ns)) return std::nullopt;
  // What is below a nanosecond is left off.
  std::uint64_t of_digit = *unit / 10;
  for (const char digit : decimals) {
    if (__builtin_add_overflow(ns, of_digit * static_cast<std::uint64_t>(digit - '0'), &ns))
      return std::nullopt;
    of_digit /= 10;
  }
  return ns;
}

}  // namespace

Result<std::uint64_t> parse_time(std::string_view text, std::string_view option, std::string_view bare_unit) {
  if (const auto ns = parse(text, bare_unit)) return *ns;
  return tl::unexpected(Error{
      fmt::format("{} {} is no time", option, text),
      fmt::format("give a number and a unit, as 200us, 1.5ms or 3s; without a unit it is {}", bare_unit),
      ExitStatus::wrong_usage});
}

}  // namespace trapline::cli
