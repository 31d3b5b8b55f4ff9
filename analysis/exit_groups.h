// Exits summed up by whatever one wants to know them by: `trapline report --by`.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/exit_figures.h"
#include "tracer/timeline/sink.h"

namespace trapline::analysis {

enum class ExitKey : std::uint8_t {
  reason,
  vm,
  vcpu,
  port,
  mmio,  // guest-physical address of a device access
  msr,
  vector,  // of the interrupt or exception that was injected at the entry that ended the exit
  hypercall,
  rip,  // of the guest, at the exit
};
inline constexpr std::size_t kExitKeys = 9;
[[nodiscard]] std::span<const std::string_view> exit_key_names();
[[nodiscard]] std::optional<ExitKey> exit_key_of(std::string_view name);
// "Exits by port": what a key says in words.
[[nodiscard]] std::string_view exit_key_summary(ExitKey key);

// The exits whose keys have the same values.
struct ExitGroup : ExitFigures {
  std::array<std::optional<std::uint64_t>, kExitKeys> values;  // by ExitKey; reason: index in ExitGroups
  tracer::ExitSubject::Access access = tracer::ExitSubject::Access::any;  // of port, mmio, msr

  [[nodiscard]] std::optional<std::uint64_t> value(ExitKey key) const {
    return values[static_cast<std::size_t>(key)];
  }
};

// Together they are all exits, each once.
struct ExitGroups {
  std::vector<ExitKey> by;
  std::vector<std::string> reasons;
  std::vector<ExitGroup> rows;  // the longest handling first
  ExitFigures without_key;      // exits that none of the keys says anything of
  ExitFigures beyond_limit;     // exits of further groups: there were too many
};

class ExitGrouping {
 public:
  // A guest chooses addresses and RIPs: there could be any number.
  static constexpr std::size_t kMaxGroups = 1 << 14;

  explicit ExitGrouping(std::vector<ExitKey> by) : by_(std::move(by)) {}

  void add(std::uint16_t vcpu, std::uint16_t vm, const tracer::Exit& exit);
  [[nodiscard]] ExitGroups take();

 private:
  struct Key {
    std::array<std::uint64_t, kExitKeys> values{};
    std::uint16_t known = 0;  // bit per ExitKey
    tracer::ExitSubject::Access access = tracer::ExitSubject::Access::any;

    auto operator<=>(const Key&) const = default;
  };

  std::optional<std::uint64_t> value_of(ExitKey key, std::uint16_t vcpu, std::uint16_t vm,
                                        const tracer::Exit& exit);
  std::uint64_t reason_number(const tracer::ExitDescription& what);

  std::vector<ExitKey> by_;
  std::map<Key, ExitFigures> groups_;
  ExitFigures without_key_;
  ExitFigures beyond_limit_;
  std::vector<std::string> reasons_;
  std::vector<std::optional<std::uint64_t>> reason_of_kind_;  // by ExitDescription::index
};

}  // namespace trapline::analysis
