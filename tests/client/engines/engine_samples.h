// Samples of what engines return.
#ifndef ELDR_TESTS_CLIENT_ENGINES_ENGINE_SAMPLES_H_
#define ELDR_TESTS_CLIENT_ENGINES_ENGINE_SAMPLES_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/client/engines/npy_bytes.h"

namespace eldr::engines {

// Numbers of type T as they lie in memory, little-endian.
template <typename T>
std::string Packed(const std::vector<std::int64_t>& values) {
  std::string bytes;
  for (const std::int64_t value : values) {
    const T narrow = static_cast<T>(value);
    char raw[sizeof(T)];
    std::memcpy(raw, &narrow, sizeof(T));
    bytes.append(raw, sizeof(T));
  }
  return bytes;
}

inline std::string Base64(const std::string& bytes) { return absl::Base64Escape(bytes); }

// A .npy of this type and shape, padded as NumPy pads it.
inline std::string NpySample(const std::string& descr, const std::string& shape,
                             const std::string& data) {
  std::string header =
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", shape, "), }");
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  return NpyBytes(header + '\n', data);
}

// A completion of vLLM, as /v1/completions returns it, with these choices.
inline std::string VllmBody(const std::string& choices, int prompt_tokens) {
  return absl::StrCat(
      R"({"id":"cmpl-7f","object":"text_completion","created":1764000000,"model":"m","choices":[)",
      choices, R"(],"usage":{"prompt_tokens":)", prompt_tokens,
      R"(,"total_tokens":9,"completion_tokens":1,"prompt_tokens_details":null},)"
      R"("kv_transfer_params":null})");
}

inline std::string VllmChoice(int index, const std::string& experts) {
  return absl::StrCat(R"({"index":)", index,
                      R"(,"text":" a \"b\" \u00e9","logprobs":null,"finish_reason":"length",)",
                      R"("routed_experts":)", experts, "}");
}

inline std::string Quoted(const std::string& text) { return absl::StrCat("\"", text, "\""); }

}  // namespace eldr::engines

#endif  // ELDR_TESTS_CLIENT_ENGINES_ENGINE_SAMPLES_H_
