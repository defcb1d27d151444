//! bedrock-emulator.
