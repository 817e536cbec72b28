// Counts of experts as people and scripts write them.
#ifndef ELDR_CLIENT_CTL_COUNTS_FILE_H_
#define ELDR_CLIENT_CTL_COUNTS_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eldr/v1/signature.pb.h"

namespace eldr::ctl {

// NOT_FOUND, saying what could not be done with the file and why, by errno.
absl::Status FileError(const std::string& path, absl::string_view act);

// Reads a whole file, "-" being standard input; NOT_FOUND if it cannot be opened, INVALID_ARGUMENT
// above 64 MiB.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Each of these makes a signature whose `tokens` is 0 if the text does not tell. They check the
// form; whether the counts add up is for the daemon to say. Errors are INVALID_ARGUMENT.

// An object with "counts", a row per layer or flat, or an ExpertSignature in protobuf's JSON; with
// "tokens" and "prompt_tokens" in both.
absl::StatusOr<v1::ExpertSignature> ParseCountsJson(absl::string_view json);
// A line per layer, separated by commas; empty lines and lines that start with '#' are skipped.
absl::StatusOr<v1::ExpertSignature> ParseCountsCsv(absl::string_view csv);
// INDEX:COUNT pairs, passed on in the order given.
absl::StatusOr<v1::ExpertSignature> ParseSparsePairs(const std::vector<std::string>& pairs);
// Packed counts, passed on as they are. REQUIRES: encoding is uint8, uint16 or uint32.
v1::ExpertSignature RawCounts(std::string data, absl::string_view encoding);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_COUNTS_FILE_H_
