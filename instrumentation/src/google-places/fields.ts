/*
 * Which fields cost what. New API: the three "FieldMask" lists of Google's documentation (Place Details, Text Search,
 * Nearby Search; https://developers.google.com/maps/documentation/places/web-service/data-fields), legacy: "Place data fields"
 * (https://developers.google.com/maps/documentation/places/web-service/legacy/place-data-fields). On 2026-11-22 a full copy of
 * the Text Search list could be read and a part of the Nearby Search list; the rest of Place Details and the legacy lists are from what the
 * Android documentation and the packages' own types say. Check them against the pages.
 */

/** Price groups of the new API, cheapest first: a request is billed by the highest one in its field mask. */
export const TIERS = ['essentials_ids_only', 'essentials', 'pro', 'enterprise', 'enterprise_atmosphere'] as const;
export type Tier = (typeof TIERS)[number];

/** The methods of the new API that take a field mask. */
export type MaskedMethod = 'place_details' | 'text_search' | 'nearby_search';

const words = (text: string): string[] => text.trim().split(/\s+/);

const IDS = words('attributions id movedPlace movedPlaceId name');
/** Free in details, Pro in searches. */
const PHOTOS = ['photos'];
/** Essentials in details, Pro in searches. */
const ADDRESS =
  words(`addressComponents addressDescriptor adrFormatAddress formattedAddress location plusCode postalAddress
  shortFormattedAddress types viewport`);
const PRO = words(`accessibilityOptions businessStatus containingPlaces displayName googleMapsLinks googleMapsUri
  iconBackgroundColor iconMaskBaseUri openingDate primaryType primaryTypeDisplayName pureServiceAreaBusiness subDestinations
  timeZone utcOffsetMinutes`);
const ENTERPRISE = words(`currentOpeningHours currentSecondaryOpeningHours internationalPhoneNumber nationalPhoneNumber
  priceLevel priceRange rating regularOpeningHours regularSecondaryOpeningHours userRatingCount websiteUri`);
const ATMOSPHERE =
  words(`allowsDogs curbsidePickup delivery dineIn editorialSummary evChargeAmenitySummary evChargeOptions
  fuelOptions generativeSummary goodForChildren goodForGroups goodForWatchingSports liveMusic menuForChildren
  neighborhoodSummary outdoorSeating parkingOptions paymentOptions reservable restroom reviews reviewSummary servesBeer
  servesBreakfast servesBrunch servesCocktails servesCoffee servesDessert servesDinner servesLunch servesVegetarianFood
  servesWine takeout`);

type Groups = readonly (readonly [Tier, readonly string[]])[];

function table(groups: Groups): ReadonlyMap<string, Tier> {
  return new Map(groups.flatMap(([tier, names]) => names.map((name): [string, Tier] => [name, tier])));
}

const DEARER: Groups = [
  ['pro', PRO],
  ['enterprise', ENTERPRISE],
  ['enterprise_atmosphere', ATMOSPHERE],
];

/** A place's fields by method. */
const PLACE: Readonly<Record<MaskedMethod, ReadonlyMap<string, Tier>>> = {
  place_details: table([['essentials_ids_only', [...IDS, ...PHOTOS]], ['essentials', ADDRESS], ...DEARER]),
  text_search: table([['essentials_ids_only', IDS], ['pro', [...PHOTOS, ...ADDRESS, 'searchUri']], ...DEARER]),
  nearby_search: table([['pro', [...IDS, ...PHOTOS, ...ADDRESS]], ...DEARER]),
};

/** What stands beside the places in a search's answer. */
const BESIDE: Readonly<Record<MaskedMethod, ReadonlyMap<string, Tier>>> = {
  place_details: new Map(),
  text_search: table([
    ['essentials_ids_only', ['nextPageToken']],
    ['pro', ['searchUri']],
    ['enterprise_atmosphere', ['routingSummaries']],
  ]),
  nearby_search: table([['enterprise_atmosphere', ['routingSummaries']]]),
};

const HIGHEST: Tier = 'enterprise_atmosphere';

/**
 * The price group of a field mask.
 * @param mask as in `X-Goog-FieldMask`: `places.id,places.displayName.text`; names of protobuf (`display_name`) are the same fields
 * @returns the highest group of its fields; `undefined` with the first field that no list names where it could be higher
 *   still, or where there is no mask
 */
export function tierOf(
  method: MaskedMethod,
  mask: string | undefined,
): { readonly tier: Tier } | { readonly tier: undefined; readonly unknown: string | undefined } {
  let highest = -1;
  let unknown: string | undefined;
  for (const part of (mask ?? '').split(',')) {
    const path = part.trim();
    if (path === '') continue;
    const tier = tierOfPath(method, path);
    if (tier === HIGHEST) return { tier: HIGHEST };
    if (tier === undefined) unknown ??= path;
    else highest = Math.max(highest, TIERS.indexOf(tier));
  }
  const tier = TIERS[highest];
  return unknown !== undefined || tier === undefined ? { tier: undefined, unknown } : { tier };
}

function tierOfPath(method: MaskedMethod, path: string): Tier | undefined {
  if (path === '*') return HIGHEST;
  const names = path.split('.', 2).map(camelCase);
  if (method === 'place_details') return PLACE.place_details.get(names[0] ?? '');
  if (names[0] !== 'places') return BESIDE[method].get(names[0] ?? '');
  // All of a place is every field of it.
  return names[1] === undefined || names[1] === '*' ? HIGHEST : PLACE[method].get(names[1]);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What a legacy request is billed for beside itself. Basic data costs nothing. */
export type LegacyData = 'basic' | 'contact' | 'atmosphere';

const LEGACY: ReadonlyMap<string, LegacyData> = new Map(
  (
    [
      [
        'basic',
        words(`address_component address_components adr_address business_status formatted_address geometry html_attributions
          icon icon_background_color icon_mask_base_uri name permanently_closed photo photos place_id plus_code reference scope
          type types url utc_offset vicinity wheelchair_accessible_entrance`),
      ],
      [
        'contact',
        words(`current_opening_hours formatted_phone_number international_phone_number opening_hours
          secondary_opening_hours website`),
      ],
      [
        'atmosphere',
        words(`curbside_pickup delivery dine_in editorial_summary price_level rating reservable review reviews serves_beer
          serves_breakfast serves_brunch serves_dinner serves_lunch serves_vegetarian_food serves_wine takeout
          user_ratings_total`),
      ],
    ] as const
  ).flatMap(([data, names]) => names.map((name): [string, LegacyData] => [name, data])),
);

/** The data that a legacy `fields` parameter asks for, its names, and the first name that is in no list. */
export function legacyData(fields: string): {
  readonly names: ReadonlySet<string>;
  readonly data: ReadonlySet<LegacyData>;
  readonly unknown: string | undefined;
} {
  const names = new Set<string>();
  const data = new Set<LegacyData>();
  let unknown: string | undefined;
  for (const part of fields.split(',')) {
    // `geometry/location` asks for a part of a field.
    const name = part.trim().split(/[/.]/, 1)[0] ?? '';
    if (name === '') continue;
    names.add(name);
    const kind = LEGACY.get(name);
    if (kind === undefined) unknown ??= name;
    else data.add(kind);
  }
  return { names, data, unknown };
}
