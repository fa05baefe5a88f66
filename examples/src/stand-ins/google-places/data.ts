/** A place as the new API knows it. */
export type Place = Readonly<Record<string, unknown>> & { readonly id: string };

const COUNT = 45;
const text = (value: string) => ({ text: value, languageCode: 'en' });

/** What the stand-in's world consists of: 45 cafés in one street of Sydney, so that searches have three pages. */
export const PLACES: readonly Place[] = Array.from({ length: COUNT }, (_, index) => placeOf(index));

function placeOf(index: number): Place {
  const id = `ChIJstandIn${String(index).padStart(4, '0')}`;
  const latitude = Number((-33.8688 + index / 1_000).toFixed(4));
  const hours = { openNow: index % 2 === 0, periods: [], weekdayDescriptions: ['Monday: 9:00 AM – 5:00 PM'] };
  const serves = ['Beer', 'Breakfast', 'Brunch', 'Cocktails', 'Coffee', 'Dessert', 'Dinner', 'Lunch', 'Wine'];
  const flags = [
    ...['allowsDogs', 'curbsidePickup', 'delivery', 'dineIn', 'goodForChildren', 'goodForGroups', 'liveMusic'],
    ...['goodForWatchingSports', 'menuForChildren', 'outdoorSeating', 'reservable', 'restroom', 'takeout'],
    ...['servesVegetarianFood', ...serves.map((what) => `serves${what}`)],
  ];
  return {
    id,
    name: `places/${id}`,
    attributions: [],
    photos: [{ name: `places/${id}/photos/photo-${index}`, widthPx: 800, heightPx: 600, authorAttributions: [] }],
    addressComponents: [{ longText: 'Sydney', shortText: 'Sydney', types: ['locality'], languageCode: 'en' }],
    adrFormatAddress: `<span class="street-address">${index + 1} Stand-in Street</span>`,
    formattedAddress: `${index + 1} Stand-in Street, Sydney NSW 2000, Australia`,
    shortFormattedAddress: `${index + 1} Stand-in Street, Sydney`,
    location: { latitude, longitude: 151.2093 },
    plusCode: { globalCode: '4RRH46J5+FP', compoundCode: '46J5+FP Sydney' },
    postalAddress: { regionCode: 'AU', postalCode: '2000', locality: 'Sydney' },
    types: ['cafe', 'food', 'point_of_interest', 'establishment'],
    viewport: {
      low: { latitude, longitude: 151.208 },
      high: { latitude: latitude + 0.001, longitude: 151.21 },
    },
    accessibilityOptions: { wheelchairAccessibleEntrance: true },
    businessStatus: 'OPERATIONAL',
    displayName: text(`Café ${index + 1}`),
    googleMapsUri: `https://maps.google.com/?cid=${index + 1}`,
    iconBackgroundColor: '#FF9E67',
    iconMaskBaseUri: 'https://maps.gstatic.com/mapfiles/place_api/icons/v2/cafe_pinlet',
    primaryType: 'cafe',
    primaryTypeDisplayName: text('Cafe'),
    utcOffsetMinutes: 600,
    currentOpeningHours: hours,
    regularOpeningHours: hours,
    nationalPhoneNumber: '(02) 5550 0000',
    internationalPhoneNumber: '+61 2 5550 0000',
    priceLevel: 'PRICE_LEVEL_MODERATE',
    rating: 4 + (index % 10) / 10,
    userRatingCount: 10 * (index + 1),
    websiteUri: `https://cafe-${index + 1}.example/`,
    editorialSummary: text('A café that is not there.'),
    reviews: [{ name: `places/${id}/reviews/1`, rating: 5, text: text('Nice.'), originalText: text('Nice.') }],
    paymentOptions: { acceptsCreditCards: true },
    parkingOptions: { freeStreetParking: true },
    ...Object.fromEntries(flags.map((name) => [name, index % 3 === 0])),
  };
}

/** Fields of a place that exist but that no place of the stand-in has. */
export const EMPTY_FIELDS: readonly string[] = [
  'addressDescriptor',
  'consumerAlert',
  'containingPlaces',
  'currentSecondaryOpeningHours',
  'evChargeAmenitySummary',
  'evChargeOptions',
  'fuelOptions',
  'generativeSummary',
  'googleMapsLinks',
  'googleMapsTypeLabel',
  'movedPlace',
  'movedPlaceId',
  'neighborhoodSummary',
  'openingDate',
  'priceRange',
  'pureServiceAreaBusiness',
  'regularSecondaryOpeningHours',
  'reviewSummary',
  'subDestinations',
  'timeZone',
  'transitStation',
];

/** A place in the legacy API's words. */
export function legacyPlace(place: Place): Record<string, unknown> {
  const get = <T>(name: string): T => place[name] as T;
  const location = get<{ latitude: number; longitude: number }>('location');
  return {
    address_components: [{ long_name: 'Sydney', short_name: 'Sydney', types: ['locality', 'political'] }],
    adr_address: get('adrFormatAddress'),
    business_status: get('businessStatus'),
    formatted_address: get('formattedAddress'),
    formatted_phone_number: get('nationalPhoneNumber'),
    geometry: { location: { lat: location.latitude, lng: location.longitude } },
    icon: 'https://maps.gstatic.com/mapfiles/place_api/icons/v1/png_71/cafe-71.png',
    icon_background_color: get('iconBackgroundColor'),
    icon_mask_base_uri: get('iconMaskBaseUri'),
    international_phone_number: get('internationalPhoneNumber'),
    name: get<{ text: string }>('displayName').text,
    opening_hours: { open_now: get<{ openNow: boolean }>('currentOpeningHours').openNow },
    photos: [{ height: 600, width: 800, html_attributions: [], photo_reference: `ref-${place.id}` }],
    place_id: place.id,
    plus_code: { global_code: '4RRH46J5+FP', compound_code: '46J5+FP Sydney' },
    price_level: 2,
    rating: get('rating'),
    reference: place.id,
    reviews: [{ author_name: 'A visitor', rating: 5, text: 'Nice.', time: 1_770_000_000 }],
    types: get('types'),
    url: get('googleMapsUri'),
    user_ratings_total: get('userRatingCount'),
    utc_offset: get('utcOffsetMinutes'),
    vicinity: get('shortFormattedAddress'),
    website: get('websiteUri'),
  };
}

/** One pixel, as JPEG. */
export const JPEG: Buffer = Buffer.from(
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////' +
    'wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=',
  'base64',
);
