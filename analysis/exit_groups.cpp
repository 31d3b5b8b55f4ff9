#include "analysis/exit_groups.h"

#include <algorithm>

#include "tracer/exits/events.h"

namespace trapline::analysis {
namespace {

using tracer::Exit;
using tracer::ExitSubject;

struct KeyRow {
  std::string_view name;
  std::string_view summary;
  ExitSubject::Kind subject;  // none: the key is no subject of exits
};

// By ExitKey.
constexpr std::array kKeyRows = {
    KeyRow{"reason", "why the guest exited", ExitSubject::Kind::none},
    KeyRow{"vm", "VM", ExitSubject::Kind::none},
    KeyRow{"vcpu", "vCPU", ExitSubject::Kind::none},
    KeyRow{"port", "I/O port and direction", ExitSubject::Kind::port},
    KeyRow{"mmio", "guest-physical address of a device access", ExitSubject::Kind::gpa},
    KeyRow{"msr", "MSR and direction", ExitSubject::Kind::msr},
    KeyRow{"vector", "what was injected at the entry that ended the exit", ExitSubject::Kind::none},
    KeyRow{"hypercall", "number of the hypercall", ExitSubject::Kind::hypercall},
    KeyRow{"rip", "guest code that it came from", ExitSubject::Kind::none},
};
static_assert(kKeyRows.size() == kExitKeys);

constexpr auto kKeyNames = [] {
  std::array<std::string_view, kExitKeys> names;
  for (std::size_t i = 0; i < names.size(); ++i)
    names[i] = kKeyRows[i].name;
  return names;
}();

std::optional<std::uint64_t> injected_vector(const Exit& exit) {
  if (exit.open) return std::nullopt;
  const tracer::EventField event = tracer::decode_event(exit.record.event_inj);
  if (!event.valid || event.type == tracer::EventType::other) return std::nullopt;
  return event.vector;
}

bool has_direction(ExitKey key) {
  return key == ExitKey::port || key == ExitKey::mmio || key == ExitKey::msr;
}

}  // namespace

std::span<const std::string_view> exit_key_names() {
  return kKeyNames;
}

std::optional<ExitKey> exit_key_of(std::string_view name) {
  const auto* found = std::ranges::find(kKeyNames, name);
  if (found == kKeyNames.end()) return std::nullopt;
  return static_cast<ExitKey>(found - kKeyNames.begin());
}

std::string_view exit_key_summary(ExitKey key) {
  return kKeyRows[static_cast<std::size_t>(key)].summary;
}

std::uint64_t ExitGrouping::reason_number(const tracer::ExitDescription& what) {
  if (what.index >= reason_of_kind_.size()) reason_of_kind_.resize(what.index + std::size_t{1});
  auto& known = reason_of_kind_[what.index];
  if (!known) {
    const auto found = std::ranges::find(reasons_, what.reason);
    known = static_cast<std::uint64_t>(found - reasons_.begin());
    if (found == reasons_.end()) reasons_.push_back(what.reason);
  }
  return *known;
}

std::optional<std::uint64_t> ExitGrouping::value_of(ExitKey key, std::uint16_t vcpu, std::uint16_t vm,
                                                    const Exit& exit) {
  switch (key) {
    case ExitKey::reason:
      return reason_number(*exit.what);
    case ExitKey::vm:
      return vm;
    case ExitKey::vcpu:
      return vcpu;
    case ExitKey::vector:
      return injected_vector(exit);
    case ExitKey::rip:
      if ((exit.record.flags & TRL_NO_RIP) != 0) return std::nullopt;
      return exit.record.rip;
    default:
      break;
  }
  const ExitSubject& subject = exit.what->subject;
  if (subject.kind != kKeyRows[static_cast<std::size_t>(key)].subject) return std::nullopt;
  return subject.number;
}

void ExitGrouping::add(std::uint16_t vcpu, std::uint16_t vm, const Exit& exit) {
  Key key;
  for (const ExitKey one : by_) {
    const auto place = static_cast<std::size_t>(one);
    const auto value = value_of(one, vcpu, vm, exit);
    if (!value) continue;
    key.values[place] = *value;
    key.known = static_cast<std::uint16_t>(key.known | 1u << place);
    if (has_direction(one)) key.access = exit.what->subject.access;
  }
  if (key.known == 0) return without_key_.add(exit);
  auto group = groups_.find(key);
  if (group == groups_.end()) {
    if (groups_.size() == kMaxGroups) return beyond_limit_.add(exit);
    group = groups_.try_emplace(key).first;
  }
  group->second.add(exit);
}

ExitGroups ExitGrouping::take() {
  ExitGroups groups;
  groups.by = std::move(by_);
  groups.reasons = std::move(reasons_);
  groups.without_key = std::move(without_key_);
  groups.beyond_limit = std::move(beyond_limit_);
  for (auto& [key, figures] : groups_) {
    ExitGroup row;
    static_cast<ExitFigures&>(row) = std::move(figures);
    for (std::size_t i = 0; i < kExitKeys; ++i) {
      if ((key.known >> i & 1) != 0) row.values[i] = key.values[i];
    }
    row.access = key.access;
    groups.rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(groups.rows, std::ranges::greater{},
                           [](const ExitGroup& row) { return row.handling().total(); });
  return groups;
}

}  // namespace trapline::analysis
