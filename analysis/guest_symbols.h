// Names for guest addresses, from the guest kernel's System.map or /proc/kallsyms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trapline::analysis {

class GuestSymbols {
 public:
  // An address further behind the last symbol before it lies in no function that this file knows.
  static constexpr std::uint64_t kLongestFunction = 0x10000;

  struct Place {
    std::string_view name;    // of the function; valid as long as the symbols
    std::string_view module;  // empty: the kernel itself
    std::uint64_t offset = 0;

    [[nodiscard]] std::string text() const;  // "native_safe_halt+0xb", "vring_interrupt+0x10 [virtio_ring]"
  };

  GuestSymbols() = default;  // none
  // `text`: lines of "ADDRESS TYPE NAME", kallsyms with "[MODULE]" behind them. `load_offset` is added to
  // each address: how far the guest's KASLR moved the kernel. An error names file and line.
  [[nodiscard]] static Result<GuestSymbols> parse(std::string_view text, std::string_view file,
                                                  std::uint64_t load_offset = 0);

  [[nodiscard]] bool empty() const { return symbols_.empty(); }
  // None: the address is in no function of the file's, as the guest's user space is not.
  [[nodiscard]] std::optional<Place> find(std::uint64_t address) const;

 private:
  struct Symbol {
    std::uint64_t address = 0;
    std::string name;
    std::string module;
    bool is_code = false;  // otherwise it only ends what is before it
  };
  std::vector<Symbol> symbols_;  // by address; code first where addresses are equal
};

}  // namespace trapline::analysis
