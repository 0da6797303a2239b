import { defineErrors } from "@pincer/plugin-sdk/error";

export const skillsErrors = defineErrors({
  SKILL_NAME_INVALID: { message: "that cannot be a skill's name", wire: "INVALID_REQUEST" },
  SKILL_FOLDER_TAKEN: { message: "there is something in that folder already", wire: "INVALID_REQUEST" },
  SKILL_NOT_FOUND: { message: "there is no skill in that folder", wire: "INVALID_REQUEST" },
  SKILLS_UNKNOWN: { message: "no such skill", wire: "INVALID_REQUEST" },
  SKILLS_OFF: { message: "no plugin knows of skills", wire: "UNAVAILABLE" },
  SKILLS_INSTALLER: { message: "what the skill needs cannot be got like that", wire: "INVALID_REQUEST" },
  SKILLS_ELSEWHERE: { message: "nobody here does that", wire: "UNAVAILABLE" },
  SKILLS_FOR_ALL: { message: "skills are installed for every agent", wire: "INVALID_REQUEST" },
  SKILLS_NOT_UPDATED: { message: "not every skill is up to date", wire: "UNAVAILABLE" },
});
