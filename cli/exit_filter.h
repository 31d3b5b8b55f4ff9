// Which exits a recording takes in, from the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recording/info.h"

namespace trapline::cli {

struct FilterArguments {
  std::vector<std::uint32_t> vcpus;
  std::vector<std::string> reasons;  // names as the report prints them, or numbers
  std::string min_duration;          // "10us"
};

void add_vcpu_option(CLI::App& app, std::vector<std::uint32_t>& vcpus);  // --vcpu N,..
void add_filter_options(CLI::App& app, FilterArguments& arguments);

// What the probes are told; the error names a reason that this kind of processor does not have, and those
// that it has.
[[nodiscard]] Result<tracer::ExitFilter> filter_from(const FilterArguments& arguments, recording::Isa isa);

// In words, for the recording; empty: nothing is filtered.
[[nodiscard]] std::string filter_text(const FilterArguments& arguments);

}  // namespace trapline::cli
