import { expect, test } from 'vitest';
import { resourceOf } from './resource.ts';

const API = 'https://api.twilio.com/2010-04-01/Accounts/AC1';

test.each([
  ['post', `${API}/Messages.json`, { kind: 'new_message' }],
  ['POST', 'https://api.sydney.au1.twilio.com/2010-04-01/Accounts/AC1/Messages.json', { kind: 'new_message' }],
  ['post', 'http://127.0.0.1:8080/2010-04-01/Accounts/AC1/Messages', { kind: 'new_message' }],
  ['post', `${API}/Messages.json?x=/y`, { kind: 'new_message' }],
  ['post', `${API}/Calls.json`, { kind: 'new_call' }],
  ['post', `${API}/Calls/CA1/Recordings.json`, { kind: 'new_recording' }],
  ['post', `${API}/Conferences/CF1/Participants.json`, { kind: 'new_participant' }],
  ['post', `${API}/IncomingPhoneNumbers.json`, { kind: 'new_number', numberKind: undefined }],
  ['post', `${API}/IncomingPhoneNumbers/TollFree.json`, { kind: 'new_number', numberKind: 'toll_free' }],
  ['post', `${API}/IncomingPhoneNumbers/Local.json`, { kind: 'new_number', numberKind: 'local' }],
  ['post', `${API}/IncomingPhoneNumbers/Mobile.json`, { kind: 'new_number', numberKind: 'mobile' }],
  ['delete', `${API}/IncomingPhoneNumbers/PN1.json`, { kind: 'release', sid: 'PN1' }],
  ['get', `${API}/Messages/SM1.json`, { kind: 'message', sid: 'SM1', changed: false }],
  ['post', `${API}/Messages/SM1.json`, { kind: 'message', sid: 'SM1', changed: true }],
  ['post', `${API}/Calls/CA1.json`, { kind: 'call', sid: 'CA1', changed: true }],
  ['get', `${API}/Calls/CA1/Recordings/RE1.json`, { kind: 'recording', sid: 'RE1', changed: false }],
  ['get', `${API}/Recordings/RE1.json`, { kind: 'recording', sid: 'RE1', changed: false }],
  ['get', `${API}/Calls.json?PageSize=5`, { kind: 'list', of: 'call' }],
  ['get', `${API}/Calls/CA1/Recordings.json`, { kind: 'list', of: 'recording' }],
])('%s %s', (method, uri, expected) => {
  expect(resourceOf(method, uri)).toEqual(expected);
});

test.each([
  ['get', `${API}.json`],
  ['post', `${API}/IncomingPhoneNumbers/PN1.json`],
  ['post', `${API}/IncomingPhoneNumbers/PN1/AssignedAddOns.json`],
  ['delete', `${API}/IncomingPhoneNumbers/PN1/AssignedAddOns/XE1.json`],
  ['post', `${API}/Messages/SM1/Feedback.json`],
  ['get', `${API}/Conferences/CF1/Participants.json`],
  ['post', `${API}/Conferences/CF1/Participants/CA1.json`],
  ['post', `${API}/Conferences/CF1.json`],
  ['get', `${API}/Conferences.json`],
  ['get', `${API}/Messages/SM1/Media.json`],
  ['delete', `${API}/Messages/SM1.json`],
  ['get', `${API}/Usage/Records.json`],
  ['get', `${API}/constructor/x.json`],
  ['post', 'https://lookups.twilio.com/v2/PhoneNumbers/+1'],
  ['post', undefined],
  [undefined, `${API}/Messages.json`],
])('%s %s is not looked at', (method, uri) => {
  expect(resourceOf(method, uri)).toBeUndefined();
});
