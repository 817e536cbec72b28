#include "server/auth/token_file.h"

// libcrypto has what the standard library lacks, a digest and a comparison in constant time, and
// gRPC needs it anyway.
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

constexpr std::size_t kMinTokenBytes = 16;
constexpr std::size_t kMaxTokenBytes = 4096;
constexpr std::size_t kMaxTokenFileBytes = 1 << 20;
constexpr absl::string_view kScheme = "bearer ";

bool IsToken(absl::string_view text) {
  return text.size() >= kMinTokenBytes && text.size() <= kMaxTokenBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

}  // namespace

TokenDigest DigestOf(absl::string_view token) {
  static_assert(std::tuple_size_v<TokenDigest> == SHA256_DIGEST_LENGTH);
  TokenDigest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

absl::string_view BearerToken(absl::string_view authorization) {
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return "";
  return absl::StripAsciiWhitespace(authorization.substr(kScheme.size()));
}

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(absl::string_view key,
                                                           const std::string& path) {
  std::unique_ptr<TokenFile> file(new TokenFile(key, path));
  ELDR_RETURN_IF_ERROR(file->Reload().status());
  return file;
}

bool TokenFile::Holds(const TokenDigest& token) const {
  MutexLock lock(mutex_);
  bool held = false;
  for (const TokenDigest& digest : digests_) {
    // All of them, whichever it is.
    held |= CRYPTO_memcmp(digest.data(), token.data(), digest.size()) == 0;
  }
  return held;
}

absl::StatusOr<bool> TokenFile::Reload() {
  absl::StatusOr<std::vector<TokenDigest>> digests = Read();
  if (!digests.ok()) return digests.status();
  MutexLock lock(mutex_);
  if (*digests == digests_) return false;
  digests_ = *std::move(digests);
  return true;
}

absl::StatusOr<std::vector<TokenDigest>> TokenFile::Read() const {
  const auto refuse = [this](const auto&... got) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_, ": ", path_, ": got ", got..., ", expected a token per line, of ",
                     kMinTokenBytes, " to ", kMaxTokenBytes, " printable characters"));
  };
  const absl::StatusOr<std::string> text = ReadContents(path_, kMaxTokenFileBytes);
  if (!text.ok()) {
    // Its message tells path and cause.
    return absl::InvalidArgumentError(absl::StrCat(key_, ": ", text.status().message(),
                                                   "; expected a file with a token per line"));
  }
  std::vector<TokenDigest> digests;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    const absl::string_view token = absl::StripAsciiWhitespace(line);
    if (token.empty() || token.front() == '#') continue;
    if (!IsToken(token)) return refuse("another text in line ", number);
    digests.push_back(DigestOf(token));
  }
  if (digests.empty()) return refuse("no token");
  return digests;
}

}  // namespace eldr
