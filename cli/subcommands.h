// The subcommands of `trapline`, one file each. Each adds its options to the program and, when it was chosen,
// runs and says how it ended; an Error is printed and turned into an exit status by main().
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/result.h"

namespace trapline::cli {

using Action = std::function<Result<ExitStatus>()>;

struct Subcommand {
  CLI::App* app = nullptr;
  Action action;
};

Subcommand add_run(CLI::App& program);
Subcommand add_compare(CLI::App& program);
Subcommand add_record(CLI::App& program);
Subcommand add_report(CLI::App& program);
Subcommand add_export(CLI::App& program);
Subcommand add_view(CLI::App& program);
Subcommand add_diff(CLI::App& program);
Subcommand add_top(CLI::App& program);
Subcommand add_doctor(CLI::App& program);

}  // namespace trapline::cli
