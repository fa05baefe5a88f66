import type { State } from './state.ts';
import type { Resource, TwilioRequest } from './types.ts';
import { newSid, rfc2822, TwilioError } from './wire.ts';

let next = 1000;

/** POST IncomingPhoneNumbers.json and its Local, TollFree and Mobile */
export function buyNumber(state: State, { form, accountSid }: TwilioRequest, kind: string | undefined): Resource {
  const area =
    form.get('AreaCode') ?? (kind === 'TollFree' ? '833' : kind === 'Local' || kind === undefined ? '415' : undefined);
  const asked = form.get('PhoneNumber');
  if (asked === null && (area === undefined || (kind !== undefined && form.get('AreaCode') === null))) {
    throw new TwilioError(400, 21421, 'PhoneNumber is invalid');
  }
  if (asked === '+15005550000' || [...state.numbers.values()].some((held) => held.phone_number === asked)) {
    throw new TwilioError(400, 21422, `${asked} is not available.`);
  }
  if (asked !== null && !/^\+[1-9]\d{6,14}$/.test(asked))
    throw new TwilioError(400, 21421, `PhoneNumber ${asked} is invalid`);
  const now = rfc2822(new Date());
  const sid = newSid('PN');
  const number: Resource = {
    account_sid: accountSid,
    address_requirements: 'none',
    address_sid: null,
    api_version: '2010-04-01',
    beta: false,
    bundle_sid: null,
    capabilities: { voice: true, sms: true, mms: true, fax: false },
    date_created: now,
    date_updated: now,
    emergency_address_sid: null,
    emergency_address_status: 'unregistered',
    emergency_status: 'Active',
    friendly_name: form.get('FriendlyName') ?? asked ?? area,
    identity_sid: null,
    origin: 'twilio',
    phone_number: asked ?? `+1${area}555${next++}`,
    sid,
    sms_application_sid: '',
    sms_fallback_method: 'POST',
    sms_fallback_url: '',
    sms_method: 'POST',
    sms_url: form.get('SmsUrl') ?? '',
    status: 'in-use',
    status_callback: form.get('StatusCallback') ?? '',
    status_callback_method: 'POST',
    trunk_sid: null,
    uri: `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers/${sid}.json`,
    voice_application_sid: null,
    voice_caller_id_lookup: false,
    voice_fallback_method: 'POST',
    voice_fallback_url: '',
    voice_method: 'POST',
    voice_receive_mode: 'voice',
    voice_url: form.get('VoiceUrl') ?? '',
  };
  state.numbers.set(sid, number);
  return { ...number };
}

/** GET AvailablePhoneNumbers/{country}/{kind}.json: three that can be bought. */
export function availableNumbers(country: string, kind: string, query: URLSearchParams): object[] {
  const code: Record<string, string> = { US: '+1', CA: '+1', GB: '+44', DE: '+49', FR: '+33' };
  const area = kind === 'TollFree' ? '844' : (query.get('AreaCode') ?? '628');
  return Array.from({ length: 3 }, () => {
    const phone_number = code[country] === '+1' ? `+1${area}555${next++}` : `${code[country] ?? '+999'}7700${next++}00`;
    return {
      friendly_name: phone_number,
      phone_number,
      lata: null,
      locality: null,
      rate_center: null,
      latitude: null,
      longitude: null,
      region: null,
      postal_code: null,
      iso_country: country,
      address_requirements: 'none',
      beta: false,
      capabilities: { voice: true, SMS: true, MMS: kind !== 'TollFree' },
    };
  });
}
