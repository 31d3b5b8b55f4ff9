#include "cli/exit_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "bpf/control.h"
#include "cli/time_argument.h"
#include "tracer/exits/svm.h"
#include "tracer/exits/vmx.h"

namespace trapline::cli {
namespace {

std::optional<std::uint32_t> number_in(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename Table, typename Number>
Result<std::uint32_t> code_of(const std::string& reason, const Table& table, Number number) {
  if (const auto given = number_in(reason)) {
    if (*given < TRL_FILTER_REASONS) return *given;
    return fail(fmt::format("--reason {}: no exit reason is that high", reason),
                "give a number below 2048, or a name", ExitStatus::wrong_usage);
  }
  std::string names;
  for (const auto& row : table) {
    if (row.name == reason) return static_cast<std::uint32_t>(row.*number);
    names += fmt::format(" {}", row.name);
  }
  return fail(fmt::format("--reason {}: this machine's processor has no exit of that name", reason),
              fmt::format("there are:{}", names), ExitStatus::wrong_usage);
}

Result<std::uint32_t> code_of(const std::string& reason, recording::Isa isa) {
  if (isa == recording::Isa::vmx) return code_of(reason, tracer::vmx_exits(), &tracer::VmxExitRow::reason);
  return code_of(reason, tracer::svm_exits(), &tracer::SvmExitRow::code);
}

}  // namespace

void add_vcpu_option(CLI::App& app, std::vector<std::uint32_t>& vcpus) {
  app.add_option("--vcpu", vcpus, "Only these vCPUs, by KVM's vcpu_id")
      ->delimiter(',')
      ->check(CLI::Range(0u, unsigned{TRL_FILTER_VCPUS - 1}));
}

void add_filter_options(CLI::App& app, FilterArguments& arguments) {
  add_vcpu_option(app, arguments.vcpus);
  app.add_option("--reason", arguments.reasons,
                 "Record exits of these reasons only, by the names that the report prints")
      ->delimiter(',');
  app.add_option("--min-duration", arguments.min_duration,
                 "Record exits only that took this long at least: 10us, 1.5ms");
}

Result<tracer::ExitFilter> filter_from(const FilterArguments& arguments, recording::Isa isa) {
  tracer::ExitFilter filter;
  filter.vcpus = arguments.vcpus;
  for (const std::string& reason : arguments.reasons) {
    TRAPLINE_ASSIGN(code, code_of(reason, isa));
    filter.reasons.push_back(code);
  }
  if (!arguments.min_duration.empty()) {
    TRAPLINE_ASSIGN(at_least_ns, parse_time(arguments.min_duration, "--min-duration"));
    filter.at_least_ns = at_least_ns;
  }
  return filter;
}

std::string filter_text(const FilterArguments& arguments) {
  std::vector<std::string> parts;
  if (!arguments.vcpus.empty()) parts.push_back(fmt::format("vcpu {}", fmt::join(arguments.vcpus, ",")));
  if (!arguments.reasons.empty())
    parts.push_back(fmt::format("reason {}", fmt::join(arguments.reasons, ",")));
  if (!arguments.min_duration.empty()) parts.push_back(fmt::format("at least {}", arguments.min_duration));
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace trapline::cli
