#include "tools/replay/signature_proto.h"

#include <variant>

namespace eldr::replay {
namespace {

v1::CountEncoding Encoding(CountWidth width) {
  switch (width) {
    case CountWidth::k8:
      return v1::COUNT_ENCODING_UINT8;
    case CountWidth::k16:
      return v1::COUNT_ENCODING_UINT16;
    case CountWidth::k32:
      break;
  }
  return v1::COUNT_ENCODING_UINT32;
}

}  // namespace

void SignatureToProto(const SignatureData& data, v1::ExpertSignature& proto) {
  proto.set_tokens(data.tokens);
  if (data.prompt_tokens.has_value()) proto.set_prompt_tokens(*data.prompt_tokens);
  if (const auto* dense = std::get_if<SignatureData::Dense>(&data.counts)) {
    proto.mutable_dense()->set_encoding(Encoding(dense->width));
    proto.mutable_dense()->set_data(dense->bytes.data(), dense->bytes.size());
  } else if (const auto* sparse = std::get_if<SignatureData::Sparse>(&data.counts)) {
    v1::SparseCounts& counts = *proto.mutable_sparse();
    counts.mutable_indices()->Assign(sparse->cells.begin(), sparse->cells.end());
    counts.mutable_counts()->Assign(sparse->counts.begin(), sparse->counts.end());
  }
}

}  // namespace eldr::replay
