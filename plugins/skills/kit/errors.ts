import { defineErrors } from "@pincer/plugin-sdk/error";

export const kitErrors = defineErrors({
  SKILL_NAME_INVALID: { message: "that cannot be a skill's name", wire: "INVALID_REQUEST" },
  SKILL_FOLDER_TAKEN: { message: "there is something in that folder already", wire: "INVALID_REQUEST" },
  SKILL_NOT_FOUND: { message: "there is no skill in that folder", wire: "INVALID_REQUEST" },
});
