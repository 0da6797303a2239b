/** What delivery uses of the gateway. */
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { senderPolicy } from "@pincer/plugin-sdk/contracts/sender-policy";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { turn } from "@pincer/plugin-sdk/contracts/turn";

export const uses = { channels: channel, actions: channelActions, lanes, router, sessions, turn, senderPolicy: ifPresent(senderPolicy) };
