#include "tools/demo/next_steps.h"

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace eldr::demo {
namespace {

// Shorter where the program lies under the folder that the user is in.
std::string ShortPath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  if (error) return path;
  const std::string relative = std::filesystem::path(path).lexically_relative(here).string();
  return relative.empty() || relative.starts_with("..") ? path : relative;
}

}  // namespace

std::string FormatNextSteps(const NextSteps& steps, const replay::GrpcBackend& backend) {
  const std::string eldrctl = ShortPath(steps.eldrctl);
  std::string text =
      steps.alive
          ? absl::StrCat(
                "The daemon is still there, and the traffic of a model \"live\" goes on. Ctrl-C "
                "ends it.\n\n  Open  http://",
                steps.http_address, "/  in a browser.\n\nOr, in another shell:\n")
          : "The daemon has ended with this run. To look further, run it again with --keep, and "
            "then\nin another shell (with the addresses it prints):\n";
  absl::StrAppend(&text, "  curl -s http://", steps.http_address, "/metrics | grep ^eldr_\n",
                  "  export ELDR_TARGET=", steps.grpc_address, "\n  ", eldrctl, " models list\n  ",
                  eldrctl, " nodes list --model ", backend.model(), "\n");
  const replay::GrpcBackend::Running running = backend.SomeRunning();
  if (!running.node_id.empty()) {
    absl::StrAppend(&text, "  ", eldrctl, " explain ", running.request_id, " --model ",
                    backend.model(), "\n  ", eldrctl, " nodes residency ", running.node_id, "\n");
  }
  return text;
}

}  // namespace eldr::demo
