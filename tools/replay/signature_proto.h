// Signatures as workers send them.
#ifndef ELDR_TOOLS_REPLAY_SIGNATURE_PROTO_H_
#define ELDR_TOOLS_REPLAY_SIGNATURE_PROTO_H_

#include "core/signature/expert_signature.h"
#include "eldr/v1/signature.pb.h"

namespace eldr::replay {

// Fills an empty message; its counts are in the form that `data` has.
void SignatureToProto(const SignatureData& data, v1::ExpertSignature& proto);

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_SIGNATURE_PROTO_H_
