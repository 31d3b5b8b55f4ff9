#include "analysis/guest_symbols.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

namespace trapline::analysis {
namespace {

constexpr std::size_t kShownOfABadLine = 60;

std::string_view take_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  line.remove_prefix(begin);
  const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

std::optional<std::uint64_t> hex(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

// nm(1): T, t in the text section; W, w weak, which functions are.
bool is_code(char type) {
  return type == 'T' || type == 't' || type == 'W' || type == 'w';
}

tl::unexpected<Error> bad_line(std::string_view file, std::size_t number, std::string_view line) {
  std::string shown(line.substr(0, kShownOfABadLine));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '.');
  return fail(
      fmt::format("{}: line {} is no symbol: \"{}\"", file, number, shown),
      "give the guest kernel's System.map or a copy of its /proc/kallsyms: lines of an address, a type "
      "and a name",
      ExitStatus::wrong_usage);
}

}  // namespace

std::string GuestSymbols::Place::text() const {
  return module.empty() ? fmt::format("{}+{:#x}", name, offset)
                        : fmt::format("{}+{:#x} [{}]", name, offset, module);
}

Result<GuestSymbols> GuestSymbols::parse(std::string_view text, std::string_view file,
                                         std::uint64_t load_offset) {
  GuestSymbols symbols;
  bool all_zero = true;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::string_view rest = line;
    const std::string_view first = take_word(rest);
    if (first.empty()) continue;
    const auto address = hex(first);
    const std::string_view type = take_word(rest);
    const std::string_view name = take_word(rest);
    std::string_view module = take_word(rest);
    const bool has_module = module.size() > 2 && module.front() == '[' && module.back() == ']';
    if (!address || type.size() != 1 || name.empty() || (!module.empty() && !has_module) ||
        !take_word(rest).empty()) {
      return bad_line(file, number, line);
    }
    if (has_module) module = module.substr(1, module.size() - 2);
    all_zero = all_zero && *address == 0;
    symbols.symbols_.push_back(
        {*address + load_offset, std::string(name), std::string(module), is_code(type.front())});
  }
  if (symbols.empty())
    return fail(fmt::format("{} has no symbols", file), "give the guest kernel's System.map",
                ExitStatus::wrong_usage);
  if (all_zero) {
    return fail(fmt::format("{}: all addresses are 0: whoever copied it was not allowed to see them", file),
                "copy the guest's /proc/kallsyms as root, with sysctl kernel.kptr_restrict at 0 or 1",
                ExitStatus::wrong_usage);
  }
  std::ranges::stable_sort(symbols.symbols_, {},
                           [](const Symbol& symbol) { return std::tuple(symbol.address, !symbol.is_code); });
  return symbols;
}

std::optional<GuestSymbols::Place> GuestSymbols::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(symbols_, address, {}, &Symbol::address);
  if (after == symbols_.begin()) return std::nullopt;
  // Of several names of one place the first, as the file has them.
  const auto at = std::ranges::lower_bound(symbols_, std::prev(after)->address, {}, &Symbol::address);
  const std::uint64_t offset = address - at->address;
  if (!at->is_code || offset >= kLongestFunction) return std::nullopt;
  return Place{at->name, at->module, offset};
}

}  // namespace trapline::analysis
