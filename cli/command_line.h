// The command line of a subcommand as it was understood, for a recording to remember.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace trapline::cli {

// "trapline run --path emulate -n 100": the options that were given, lists joined by commas.
[[nodiscard]] std::string command_line_of(const CLI::App& subcommand);

}  // namespace trapline::cli
