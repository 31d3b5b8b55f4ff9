// Options that every recording subcommand has.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace trapline::cli {

void add_ring_option(CLI::App& app, std::uint32_t& ring_records);  // --ring N
void add_light_option(CLI::App& app, bool& light);                 // --light
void add_no_probe_cost_option(CLI::App& app, bool& no_probe_cost);

}  // namespace trapline::cli
